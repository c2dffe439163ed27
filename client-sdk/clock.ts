// Time as the SDK sees it. Everything that waits takes a Clock, so that tests run on a virtual one.

/** Where the SDK takes the time from. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Calls `task` after `delayMs`. @returns what `clearTimeout` takes */
  setTimeout(task: () => void, delayMs: number): unknown;
  /** Nothing happens for a timer that has run, or for undefined. */
  clearTimeout(timer: unknown): void;
}

/** Platforms run what is to wait longer, some 24 days, at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (task, delayMs) => setTimeout(task, Math.min(delayMs, longestTimerMs)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
