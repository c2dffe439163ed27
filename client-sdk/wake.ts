// Page events that say the network or the page is back. Absent outside browsers, and then nothing is watched.

interface Target {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

interface Page extends Target {
  document?: Target & { visibilityState?: string };
}

/**
 * Calls `onWake` when the page becomes visible, is shown again from the cache, or the network comes or goes.
 * @returns a function that stops watching
 */
export function watchWake(onWake: () => void, page: Page = globalThis as Page): () => void {
  const { document } = page;
  const onVisible = () => {
    if (document?.visibilityState !== 'hidden') onWake();
  };
  const watched: [Target | undefined, string, () => void][] = [
    [page, 'online', onWake],
    [page, 'offline', onWake],
    [page, 'pageshow', onWake],
    [document, 'visibilitychange', onVisible],
  ];
  for (const [target, type, listener] of watched) target?.addEventListener?.(type, listener);
  return () => {
    for (const [target, type, listener] of watched) target?.removeEventListener?.(type, listener);
  };
}
