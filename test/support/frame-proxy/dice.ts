// Faults by dice. What becomes of a frame depends on the seed and on what the frame is, not on when it comes: a run with the same
// seed meets the same faults, although sockets and the scheduler order it a little differently each time.

import { seededRandom } from '../../../client-sdk/testing/seeded-random.ts';
import { type Fate, type FrameMatch, matches, type Rule } from './fault-script.ts';
import type { WireFrame } from './transcript.ts';

/** How often a kind of frame meets a fate. */
export interface Chance {
  of: FrameMatch;
  fate: Fate;
  /** 0 to 1. */
  chance: number;
  /** The same frame, sent again and again, meets it at most on its first so many tries. Default: always. */
  tries?: number;
}

/** @param owner whose wire it is: people under the same seed meet different faults */
export function dice(seed: number, owner: string, chances: readonly Chance[]): Rule {
  const met = new Map<string, number>();
  return (frame) => {
    const key = keyOf(frame);
    const nth = (met.get(key) ?? 0) + 1;
    met.set(key, nth);
    const random = seededRandom(hashOf(`${seed} ${owner} ${key} ${nth}`));
    const isHit = ({ of, chance, tries = nth }: Chance) => matches(frame, of) && random() < chance && nth <= tries;
    return chances.find(isHit)?.fate;
  };
}

/** Messages and entries are known by what they are, on whichever connection; other frames only by their turn. */
function keyOf({ from, kind, name, body, asked = body }: WireFrame): string {
  if (name === 'message:send') return `${from} ${kind} ${asked.conversationId} ${asked.messageId}`;
  if (name === 'message:new') return `${kind} ${body.conversationId} ${body.seq}`;
  return `${from} ${kind} ${name}`;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash >>> 0;
}
