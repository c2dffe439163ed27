// The request id of a frame that will not be decoded, so that even an oversized one can be answered.

/** Reads the id of `[op, id, …]` from the first bytes; 0 when they are not that. */
export function requestIdOf(bytes: Uint8Array): number {
  const head = bytes[0] ?? 0;
  if (head < 0x92 || head > 0x9f) return 0;
  const op = unsigned(bytes, 1);
  return op ? (unsigned(bytes, op.next)?.value ?? 0) : 0;
}

function unsigned(bytes: Uint8Array, at: number): { value: number; next: number } | undefined {
  const head = bytes[at];
  if (head === undefined) return undefined;
  if (head < 0x80) return { value: head, next: at + 1 };
  const size = { 204: 1, 205: 2, 206: 4 }[head];
  if (size === undefined || at + size >= bytes.length) return undefined;
  let value = 0;
  for (let i = 1; i <= size; i++) value = value * 256 + (bytes[at + i] as number);
  return { value, next: at + 1 + size };
}
