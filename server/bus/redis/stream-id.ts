// Ids of entries in a stream: `<ms of Redis' clock>-<counter within it>`.

/** Before the first id of every stream. */
export const beforeAll = '0-0';

export const idTimeMs = (id: string): number => Number.parseInt(id, 10);

/** Whether the first id stands before the second one. */
export function isBefore(a: string, b: string): boolean {
  const [aMs, aCounter] = parts(a);
  const [bMs, bCounter] = parts(b);
  return aMs !== bMs ? aMs < bMs : aCounter < bCounter;
}

// The counter has 64 bits; beyond 2^53 within one millisecond there is none.
function parts(id: string): [number, number] {
  const [ms = '0', counter = '0'] = id.split('-');
  return [Number(ms), Number(counter)];
}
