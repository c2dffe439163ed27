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

export function lockOf(store: ClientStore, scope: string): Lock {
  const { locks } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  // The signal ends the waiting only: the work ends by itself.
  if (locks) return (name, work, signal) => locks.request(scope + name, { signal }, work) as Promise<never>;
  return leaseLock(store);
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
      // Of two that wrote at once, the last one has it.
      if (((await store.get(key)) as Lease | undefined)?.owner === owner) return;
    }
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, renewMs / 2);
      signal.addEventListener('abort', wake);
    });
  }
}
