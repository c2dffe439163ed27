// Locks between the tabs of one origin: Web Locks where there are any, which the browser frees when a tab dies. Insecure
// contexts have none: a lease in the store stands in, which a throttled tab may lose while it lives. Then two tabs send the same
// message under the same id, which the server stores once: no lock here is needed for correctness.

import { onReturn, onTold, tell } from './page.ts';
import type { ClientStore } from './store.ts';

type Lock = NonNullable<ClientStore['lock']>;

interface Lease {
  owner: string;
  /** ms since 1970. */
  until: number;
}

const leaseMs = 10_000;
const renewMs = 3_000;
const settleMs = 50;

export function lockOf(store: ClientStore, scope: string): Lock {
  const { locks } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  return locks ? webLock(locks, scope) : leaseLock(store);
}

/** The signal ends the waiting only: the work ends by itself. */
function webLock(locks: LockManager, scope: string): Lock {
  return (name, work, signal) =>
    new Promise((resolve, reject) => {
      let begun = false;
      // Chromium overlooks an abort that comes right behind the request.
      const abort = () => begun || reject(signal.reason);
      signal.addEventListener('abort', abort);
      const held = locks.request(scope + name, { signal }, () => {
        if (signal.aborted) throw signal.reason;
        begun = true;
        return work();
      });
      held.then(resolve as (value: unknown) => void, reject).finally(() => signal.removeEventListener('abort', abort));
    });
}

/** A lock for stores whose platform has none. Someone who dies without giving it back holds it for ten seconds. */
export function leaseLock(store: ClientStore): Lock {
  return async (name, work, signal) => {
    const key = `lease|${name}`;
    const owner = `${Math.random()}`;
    await taken(store, key, owner, signal);
    const renewal = setInterval(() => store.set(key, { owner, until: Date.now() + leaseMs }).catch(() => {}), renewMs);
    const giveBack = async () => {
      clearInterval(renewal);
      await store.delete(key).catch(() => {});
      tell(key);
    };
    // A reload ends the page without ending the work.
    globalThis.addEventListener?.('pagehide', giveBack);
    try {
      return await work();
    } finally {
      globalThis.removeEventListener?.('pagehide', giveBack);
      await giveBack();
    }
  };
}

async function taken(store: ClientStore, key: string, owner: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    if (signal.aborted) throw signal.reason;
    const over = new AbortController();
    // From before the look at the lease, so that no change falls between them.
    const changed = new Promise<void>((resolve) => onChange(key, resolve, over.signal));
    try {
      const held = (await store.get(key)) as Lease | undefined;
      const leftMs = held ? held.until - Date.now() : -1;
      // A clock that was set back may have left one that is good for long.
      if (leftMs >= 0) await pause(Math.min(leftMs, leaseMs) + 1, signal, changed);
      else if (await claimed(store, key, owner, signal)) return;
    } finally {
      over.abort();
    }
  }
}

async function claimed(store: ClientStore, key: string, owner: string, signal: AbortSignal): Promise<boolean> {
  await store.set(key, { owner, until: Date.now() + leaseMs });
  // Of two that saw it free at once, the one that wrote last has it.
  await pause(settleMs, signal);
  return ((await store.get(key)) as Lease | undefined)?.owner === owner;
}

/** Calls when a lease may be free before its time, until the signal aborts. */
function onChange(key: string, listener: () => void, signal: AbortSignal): void {
  onTold(key, listener, signal);
  onReturn(listener, signal);
  // A page may be told of a change before it can read it in localStorage.
  globalThis.addEventListener?.('storage', listener, { signal });
}

/** Until the time has passed, `earlier` resolves or the signal aborts. */
function pause(ms: number, signal: AbortSignal, earlier?: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake);
    void earlier?.then(wake);
    if (signal.aborted) wake();
  });
}
