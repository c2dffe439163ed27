// UUIDv7 made by the client. Needs no secure context: crypto.randomUUID is missing on plain http pages.

export type Random = () => number;

/** A source of 0 ≤ x < 1, from the platform's generator where there is one. */
export const platformRandom: Random = () => {
  const crypto = globalThis.crypto as Crypto | undefined;
  if (typeof crypto?.getRandomValues !== 'function') return Math.random();
  return (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 0x1_0000_0000;
};

/** A UUIDv7 in lower-case text: 48 bits of time in ms, 74 random bits. */
export function newId(nowMs: number, random: Random): string {
  const time = Math.max(0, Math.floor(nowMs)).toString(16).padStart(12, '0').slice(-12);
  const tail = ['7', (0x8 + Math.floor(random() * 4)).toString(16)];
  const hex = time + tail[0] + digits(3, random) + tail[1] + digits(15, random);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function digits(count: number, random: Random): string {
  let text = '';
  for (let i = 0; i < count; i++) text += Math.floor(random() * 16).toString(16);
  return text;
}
