// Most sessions of one person on all nodes: every node orders them alike, and ends those of its own that are not among the newest.
//
// An end for being replaced is final for the client, so sessions of other nodes count only when those have confirmed them: a node
// that has died a moment ago still seems to have sessions, while their users are coming back here.

import type { Role } from '../../../protocol/index.ts';
import type { Key } from '../../store/store.ts';
import type { Clock } from '../clock.ts';
import type { Roster } from '../roster.ts';
import { presenceTable, surplusSessions } from './facts.ts';
import type { OwnUsers, PresentSession } from './own-users.ts';

export interface SessionCapOptions {
  /** Undefined: no cap, or another policy sees to it. */
  most: number | undefined;
  /** This node, as in the facts. */
  node: string;
  own: OwnUsers;
  roster: Pick<Roster, 'facts' | 'confirm' | 'hasConfirmed'>;
  clock: Clock;
}

type PresenceFacts = ReadonlyMap<string, unknown>;

interface Question {
  number: number;
  cancel: () => void;
}

/** Who has not answered by then is left out for now. */
const answerMs = 300;
const askAgainMs = 1_000;

export class SessionCap {
  readonly #options: SessionCapOptions;
  /** Users with sessions here that must end if all the others are alive. */
  readonly #asked = new Map<Key, Question>();

  constructor(options: SessionCapOptions) {
    this.#options = options;
  }

  /** To be called after every change of a user's facts, and after every answer. */
  judge(key: Key, role: Role, facts: PresenceFacts): void {
    const { most, node, roster } = this.#options;
    if (most === undefined || role === 'bot' || role === 'service') return;
    const question = this.#asked.get(key);
    if (this.#surplus(key, facts).length === 0) this.#forget(key);
    else if (facts.size === 1) this.#end(key, facts);
    else if (!question) {
      this.#end(key, new Map([...facts].filter(([name]) => name === node)));
      this.#ask(key, answerMs);
    } else if ([...facts.keys()].every((name) => roster.hasConfirmed(name, question.number))) {
      this.#forget(key);
      this.#end(key, facts);
    }
  }

  close(): void {
    for (const { cancel } of this.#asked.values()) cancel();
    this.#asked.clear();
  }

  #ask(key: Key, waitMs: number): void {
    const { roster, clock } = this.#options;
    const number = roster.confirm(presenceTable, String(key));
    this.#asked.set(key, { number, cancel: clock.later(() => this.#late(key, number), waitMs) });
  }

  /** Somebody does not answer, who will be heard again or taken for dead. */
  #late(key: Key, question: number): void {
    const { roster } = this.#options;
    const facts = roster.facts(presenceTable, String(key));
    this.#end(key, new Map([...facts].filter(([node]) => roster.hasConfirmed(node, question))));
    this.#ask(key, askAgainMs);
  }

  #forget(key: Key): void {
    this.#asked.get(key)?.cancel();
    this.#asked.delete(key);
  }

  #end(key: Key, facts: PresenceFacts): void {
    // Later: this may run inside a change of the roster, and an end is the next one.
    for (const session of this.#surplus(key, facts)) this.#options.clock.soon(() => session.end(4409, 'replaced by a newer session'));
  }

  /** Sessions of this node that are not among the newest of the facts. */
  #surplus(key: Key, facts: PresenceFacts): PresentSession[] {
    const { most, own } = this.#options;
    const surplus = surplusSessions(facts, most as number);
    return surplus.size === 0 ? [] : [...own.sessionsOf(key)].filter(({ id }) => surplus.has(id));
  }
}
