// What goes wrong on the wire, frame by frame, by script or by dice. The dice are the seed's, so a run can be repeated.

import type { Random } from '../ids.ts';
import type { Frame } from './recorder.ts';

/**
 * What becomes of a frame. `drop`: it never arrives. `duplicate`: it arrives twice. `cut`: the connection breaks with it on
 * its way, and both sides see 1006. `halfOpen`: from it on nothing passes in either direction and nobody is told. A delay
 * holds up what comes behind, too; with `overtaken` it does not, so that the order changes (never of the answer to `auth`, which
 * comes first in every server).
 */
export type Fate = 'drop' | 'duplicate' | 'cut' | 'halfOpen' | { delayMs: number; overtaken?: boolean };

/** Decides on a frame; undefined leaves it to the next rule. */
export type FaultRule = (frame: Frame) => Fate | undefined;

/** Which frames are meant: those that agree in all that is named. */
export type FrameMatch = Partial<Pick<Frame, 'from' | 'kind' | 'name' | 'userId' | 'sessionId'>>;

/** Chances of a frame, 0 to 1 each. */
export interface FaultRates {
  drop?: number;
  duplicate?: number;
  cut?: number;
  halfOpen?: number;
  /** Of a delay of 0 to 400 ms in order. */
  delay?: number;
  /** Of a delay of 0 to 400 ms that lets later frames overtake; never of commands, whose order is the client's to give. */
  reorder?: number;
}

const maxDelayMs = 400;

export class Faults {
  readonly #random: Random;
  readonly #rules = new Set<FaultRule>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds a rule behind the others. @returns a function that takes it away */
  add(rule: FaultRule): () => void {
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }

  /** Does this to the next `times` frames that match. @returns a function that takes it back */
  next(match: FrameMatch, fate: Fate, times = 1): () => void {
    let left = times;
    const remove = this.add((frame) => {
      if (!matches(frame, match)) return undefined;
      if (--left === 0) remove();
      return fate;
    });
    return remove;
  }

  /** The next `times` acknowledgements of messages are lost; the messages are stored. */
  loseAcks(times = 1): () => void {
    return this.next({ kind: 'reply', name: 'message:send' }, 'drop', times);
  }

  /** Throws the dice for every frame that matches. @returns a function that ends it */
  random(rates: FaultRates, match: FrameMatch = {}): () => void {
    return this.add((frame) => (matches(frame, match) ? this.#throw(rates, frame) : undefined));
  }

  /** The wires are good again; those that are cut or silent stay so. */
  clear(): void {
    this.#rules.clear();
  }

  /** What becomes of this frame; undefined for most. */
  judge(frame: Frame): Fate | undefined {
    for (const rule of this.#rules) {
      const fate = rule(frame);
      if (fate !== undefined) return isImpossible(frame, fate) ? undefined : fate;
    }
    return undefined;
  }

  #throw(rates: FaultRates, frame: Frame): Fate | undefined {
    let dice = this.#random();
    for (const fate of ['drop', 'duplicate', 'cut', 'halfOpen'] as const) {
      dice -= rates[fate] ?? 0;
      if (dice < 0) return fate;
    }
    dice -= rates.delay ?? 0;
    if (dice < 0) return { delayMs: Math.floor(this.#random() * maxDelayMs) };
    dice -= frame.from === 'server' ? (rates.reorder ?? 0) : 0;
    return dice < 0 ? { delayMs: Math.floor(this.#random() * maxDelayMs), overtaken: true } : undefined;
  }
}

/** No server answers anything before `auth`, so nothing overtakes that answer. */
function isImpossible({ name, from }: Frame, fate: Fate): boolean {
  return typeof fate === 'object' && fate.overtaken === true && name === 'auth' && from === 'server';
}

function matches(frame: Frame, match: FrameMatch): boolean {
  return (Object.keys(match) as (keyof FrameMatch)[]).every((key) => frame[key] === match[key]);
}
