// Locks between the tabs of one origin: Web Locks where there are any, which the browser frees when a tab dies. Insecure
// contexts have none: a lease in the store stands in, which a throttled tab may lose while it lives. Then two tabs send the same
// message under the same id, which the server stores once: no lock here is needed for correctness.

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
    const giveBack = () => {
      clearInterval(renewal);
      return store.delete(key).catch(() => {});
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
    const held = (await store.get(key)) as Lease | undefined;
    if (!held || held.until < Date.now()) {
      await store.set(key, { owner, until: Date.now() + leaseMs });
      // Of two that saw it free at once, the one that wrote last has it.
      await pause(settleMs, signal);
      if (((await store.get(key)) as Lease | undefined)?.owner === owner) return;
    }
    await pause(renewMs / 2, signal);
  }
}

/** Until the time has passed, or the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake);
  });
}
