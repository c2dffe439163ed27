// What shall go wrong on the wire, frame by frame, and what did: a fault that was wanted and never happened is known.

import type { WireFrame } from './transcript.ts';

/** Up: from the client to the server. */
export type Silence = 'up' | 'down' | 'both';

/**
 * What becomes of a frame. `lose`: it never arrives, and the connection goes on. `double`: it arrives twice. `cut`: both sides are
 * reset with it on its way. A delay holds up what comes behind it, too. From a silence on the bytes of that direction vanish, this
 * frame first, while TCP stays up and nobody is told: for `forMs`, else until the connection is reset.
 */
export type Fate =
  | 'lose'
  | 'double'
  | 'cut'
  | { delayMs: number; silence?: undefined; forMs?: undefined }
  | { silence: Silence; forMs?: number; delayMs?: undefined };

/** Decides on a frame; undefined leaves it to the next rule. */
export type Rule = (frame: WireFrame) => Fate | undefined;

/** Which frames are meant: those that agree in all that is named. */
export type FrameMatch = Partial<Pick<WireFrame, 'connection' | 'from' | 'kind' | 'name'>>;

/** What has happened. `swallow`: a silence took the frame. */
export type Fault = 'lose' | 'double' | 'cut' | 'delay' | 'silence' | 'swallow';

export interface Happened {
  readonly fault: Fault;
  /** Absent for what was done to a connection between frames. */
  readonly frame?: WireFrame;
}

export class FaultScript {
  readonly #rules = new Set<Rule>();
  readonly #happened: Happened[] = [];

  /** Everything that went wrong so far, in order. */
  get happened(): readonly Happened[] {
    return this.#happened;
  }

  /** How often a fault has happened, to all frames or to those that match. */
  count(fault: Fault, match: FrameMatch = {}): number {
    const isMeant = (frame: WireFrame | undefined) => (frame ? matches(frame, match) : Object.keys(match).length === 0);
    return this.#happened.filter((one) => one.fault === fault && isMeant(one.frame)).length;
  }

  /** Adds a rule behind the others. @returns a function that takes it away */
  add(rule: Rule): () => void {
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }

  /** Does this to the next `times` frames that match. Resolves with the last of them. */
  next(match: FrameMatch | ((frame: WireFrame) => boolean), fate: Fate, times = 1): Promise<WireFrame> {
    const isMeant = typeof match === 'function' ? match : (frame: WireFrame) => matches(frame, match);
    let left = times;
    return new Promise((resolve) => {
      const remove = this.add((frame) => {
        if (!isMeant(frame)) return undefined;
        if (--left === 0) {
          remove();
          resolve(frame);
        }
        return fate;
      });
    });
  }

  /** The next `times` acknowledgements of messages are lost; the messages are stored. */
  loseAcks(times = 1): Promise<WireFrame> {
    return this.next({ kind: 'reply', name: 'message:send' }, 'lose', times);
  }

  /** No rule is left. Connections that are silent stay so. */
  clear(): void {
    this.#rules.clear();
  }

  judge(frame: WireFrame): Fate | undefined {
    for (const rule of this.#rules) {
      const fate = rule(frame);
      if (fate !== undefined) return fate;
    }
    return undefined;
  }

  note(fault: Fault, frame?: WireFrame): void {
    this.#happened.push({ fault, frame });
  }
}

export function faultOf(fate: Fate): Fault {
  if (typeof fate === 'string') return fate;
  return fate.silence ? 'silence' : 'delay';
}

export function matches(frame: WireFrame, match: FrameMatch): boolean {
  return (Object.keys(match) as (keyof FrameMatch)[]).every((key) => frame[key] === match[key]);
}
