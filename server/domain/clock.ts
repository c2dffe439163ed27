// Time as the parts of the domain see it that wait for something, so that tests can move it.

export interface Clock {
  /** ms since 1970. */
  nowMs(): number;
  /** Runs once after the delay, unless the returned function is called before. Keeps no process alive. */
  later(run: () => void, delayMs: number): () => void;
  /** Runs after the callbacks of this turn of the loop. */
  soon(run: () => void): void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  later(run, delayMs) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
  soon(run) {
    setImmediate(run);
  },
};
