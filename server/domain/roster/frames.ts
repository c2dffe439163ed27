// What nodes say to each other about their facts: a packed array, the kind first. Written and read by this file only.

import { pack, unpack } from '../../../protocol/codec.ts';
import type { Fact } from '../../state/index.ts';

/**
 * `facts`: these have changed. `anew`: forget what you know of me; with a directory my page there is right, without one the
 * facts that follow are all, up to `complete`. `ask`: the named node is to say everything anew. `question`: everybody is to say
 * once more what they say of the keys. `answer`: that, to the named asker; what was taken back, or never said, too.
 */
export type Said =
  | { kind: 'facts'; facts: Fact[] }
  | { kind: 'anew' }
  | { kind: 'complete' }
  | { kind: 'ask'; node: string }
  | { kind: 'question'; question: number; table: string; keys: string[] }
  | { kind: 'answer'; asker: string; question: number; facts: Fact[] };

const kinds = { facts: 0, anew: 1, complete: 2, ask: 3, question: 4, answer: 5 } as const;
/** Below the size at which the bus cuts its pieces. */
const maxFrameBytes = 48 * 1024;

export const anewFrame = (): Uint8Array => pack([kinds.anew]);
export const completeFrame = (): Uint8Array => pack([kinds.complete]);
export const askFrame = (node: string): Uint8Array => pack([kinds.ask, node]);

export const questionFrame = (question: number, table: string, keys: readonly string[]): Uint8Array =>
  pack([kinds.question, question, table, ...keys]);

export const answerFrame = (asker: string, question: number, facts: readonly Fact[]): Uint8Array =>
  pack([kinds.answer, asker, question, ...facts.flatMap(({ table, key, value }) => [table, key, value])]);

/** As few frames as the bound allows; one fact that is larger is a frame of its own. */
export function factFrames(facts: readonly Fact[]): Uint8Array[] {
  if (facts.length === 0) return [];
  const flat: unknown[] = [kinds.facts];
  for (const { table, key, value } of facts) flat.push(table, key, value);
  const frame = pack(flat);
  if (frame.length <= maxFrameBytes || facts.length === 1) return [frame];
  const half = facts.length >> 1;
  return [...factFrames(facts.slice(0, half)), ...factFrames(facts.slice(half))];
}

/** @throws Error for bytes that no node writes. */
export function readFrame(frame: Uint8Array): Said {
  const flat = unpack(frame);
  if (!Array.isArray(flat)) throw new Error('a roster frame is an array');
  switch (flat[0]) {
    case kinds.facts:
      return { kind: 'facts', facts: factsOf(flat, 1) };
    case kinds.anew:
      return { kind: 'anew' };
    case kinds.complete:
      return { kind: 'complete' };
    case kinds.ask:
      return { kind: 'ask', node: String(flat[1]) };
    case kinds.question:
      return { kind: 'question', question: Number(flat[1]), table: String(flat[2]), keys: flat.slice(3).map(String) };
    case kinds.answer:
      return { kind: 'answer', asker: String(flat[1]), question: Number(flat[2]), facts: factsOf(flat, 3) };
    default:
      throw new Error(`unknown kind ${flat[0]} of roster frame`);
  }
}

function factsOf(flat: readonly unknown[], from: number): Fact[] {
  const facts: Fact[] = [];
  for (let i = from; i + 2 < flat.length; i += 3) {
    facts.push({ table: String(flat[i]), key: String(flat[i + 1]), value: flat[i + 2] ?? undefined });
  }
  return facts;
}
