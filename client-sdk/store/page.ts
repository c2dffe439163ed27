// What a browser tells a page about itself and about others of the same user. Other platforms tell nothing: then nobody calls.

import type { Page } from '../wake.ts';

/** Calls when the page is hidden or left; it may not run again afterwards. Until the signal aborts. */
export function onLeave(listener: () => void, signal: AbortSignal, page: Page = globalThis as Page): void {
  page.addEventListener?.('pagehide', listener, { signal });
  page.document?.addEventListener?.('visibilitychange', () => isHidden(page) && listener(), { signal });
}

/** Calls when the user or the network is back, until the signal aborts. */
export function onReturn(listener: () => void, signal: AbortSignal, page: Page = globalThis as Page): void {
  for (const type of ['focus', 'online', 'pageshow']) page.addEventListener?.(type, listener, { signal });
  page.document?.addEventListener?.('visibilitychange', () => isHidden(page) || listener(), { signal });
}

/** Tells the other pages of this origin that listen for this name. */
export function tell(name: string): void {
  const channel = open(name);
  channel?.postMessage(name);
  channel?.close();
}

/** Calls when another page tells this name, until the signal aborts. */
export function onTold(name: string, listener: () => void, signal: AbortSignal): void {
  const channel = signal.aborted ? undefined : open(name);
  channel?.addEventListener('message', listener);
  signal.addEventListener('abort', () => channel?.close());
}

/** In pages only: it would keep a process of Node alive. */
function open(name: string): BroadcastChannel | undefined {
  return (globalThis as Page).document && globalThis.BroadcastChannel ? new BroadcastChannel(name) : undefined;
}

const isHidden = ({ document }: Page) => document?.visibilityState === 'hidden';
