// UUIDv7 made by the client. Needs no secure context: crypto.randomUUID is missing on plain http pages.

export type Random = () => number;

/** A source of 0 ≤ x < 1, from the platform's generator where there is one. */
export const platformRandom: Random = () => {
  const crypto = globalThis.crypto as Partial<Crypto> | undefined;
  const [number] = crypto?.getRandomValues?.(new Uint32Array(1)) ?? [];
  return number === undefined ? Math.random() : number / 0x1_0000_0000;
};

/** A UUIDv7 in lower-case text: 48 bits of time in ms, 74 random bits. */
export function newId(nowMs: number, random: Random): string {
  const time = Math.floor(nowMs).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7xxx-yxxx-xxxxxxxxxxxx`.replace(/[xy]/g, (digit) =>
    Math.floor(digit === 'x' ? random() * 16 : 8 + random() * 4).toString(16),
  );
}
