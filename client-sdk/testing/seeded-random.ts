// Numbers that look random and are the same in every run: every choice of a test comes from its seed.

import type { Random } from '../ids.ts';

/** @returns a source of 0 ≤ x < 1; the same seed gives the same numbers */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  };
}

/** A seed for a part of its own, so that one more choice here changes nothing there. */
export function derivedSeed(random: Random): number {
  return Math.floor(random() * 0x1_0000_0000);
}
