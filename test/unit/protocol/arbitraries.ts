// Generators of wire values: what the protocol can carry, and bytes that only look like it.

import fc from 'fast-check';
import { pack } from '../../../protocol/codec.ts';

export const wellFormed = (constraints: fc.StringConstraints = {}) => fc.string({ unit: 'binary', ...constraints });

/** A JSON value as MessagePack carries it, nested at most `depth` levels. */
export function wireValue(depth: number): fc.Arbitrary<unknown> {
  return fc.letrec<{ value: unknown; leaf: unknown }>((tie) => ({
    leaf: fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.integer({ min: -200, max: 70_000 }),
      // The sum has no negative zero, which is written as 0.
      fc.double({ noNaN: true }).map((number) => number + 0),
      wellFormed({ maxLength: 300 }),
    ),
    value: fc.oneof(
      { maxDepth: depth - 1, depthSize: 'small' },
      tie('leaf'),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(
        wellFormed({ maxLength: 20 }).filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 20, noNullPrototype: true },
      ),
    ),
  })).value;
}

type Damage = { at: number; byte: number; kind: 'replace' | 'insert' | 'remove' };

const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat({ max: 10_000 }),
  byte: fc.nat({ max: 255 }),
  kind: fc.constantFrom('replace', 'insert', 'remove'),
});

function damaged(frame: Uint8Array, damages: readonly Damage[]): Uint8Array {
  const bytes = [...frame];
  for (const { at, byte, kind } of damages) {
    const place = at % (bytes.length + 1);
    if (kind === 'insert') bytes.splice(place, 0, byte);
    else if (kind === 'remove') bytes.splice(place, 1);
    else bytes.splice(place, 1, byte);
  }
  return Uint8Array.from(bytes);
}

/** Bytes near a frame: valid ones with a few bytes changed, added or lost, and plain noise. */
export const nearlyFrames: fc.Arbitrary<Uint8Array> = fc.oneof(
  {
    arbitrary: fc.tuple(wireValue(5).map(pack), fc.array(damage, { maxLength: 4 })).map(([frame, damages]) => damaged(frame, damages)),
    weight: 3,
  },
  { arbitrary: fc.uint8Array({ maxLength: 40 }), weight: 1 },
  {
    arbitrary: fc
      .array(fc.constantFrom(0x81, 0x91, 0x92, 0xa1, 0xc0, 0xcc, 0xd9, 0xdc, 0xde, 0x00), { maxLength: 30 })
      .map((bytes) => Uint8Array.from(bytes)),
    weight: 1,
  },
);
