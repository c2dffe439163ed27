// Most sessions of one person on all nodes: every node orders them alike, and ends those of its own that are not among the newest.
//
// An end for being replaced is final for the client, so sessions of other nodes count only after they were confirmed: a node that
// has died a moment ago still seems to have sessions, while their users are coming back here.

import type { Role } from '../../../protocol/index.ts';
import type { Key } from '../../store/store.ts';
import type { Clock } from '../clock.ts';
import { presenceTable, sessionMarks } from './facts.ts';
import type { OwnUsers } from './own-users.ts';

export interface SessionCapOptions {
  /** Undefined: no cap, or another policy sees to it. */
  most: number | undefined;
  /** This node, as in the facts. */
  node: string;
  own: OwnUsers;
  roster: { facts(table: string, key: string): ReadonlyMap<string, unknown>; readonly doubtful: boolean };
  clock: Clock;
}

type PresenceFacts = ReadonlyMap<string, unknown>;

/** Longer than a node that lives is ever silent without being doubted. */
const confirmMs = 3_000;
const doubtfulMs = 1_000;

export class SessionCap {
  readonly #options: SessionCapOptions;
  /** Users with too many sessions unless some of them are dead: cancels the question whether they still have. */
  readonly #unconfirmed = new Map<Key, () => void>();

  constructor(options: SessionCapOptions) {
    this.#options = options;
  }

  /** To be called after every change of a user's facts. */
  judge(key: Key, role: Role, facts: PresenceFacts): void {
    const { most, node } = this.#options;
    if (most === undefined || role === 'bot' || role === 'service') return;
    const here = facts.get(node);
    if (here === undefined || sessionMarks(facts).length <= most) {
      this.#confirmed(key);
      return;
    }
    this.#end(key, new Map([[node, here]]));
    if (!this.#unconfirmed.has(key)) this.#ask(key, confirmMs);
  }

  close(): void {
    for (const cancel of this.#unconfirmed.values()) cancel();
    this.#unconfirmed.clear();
  }

  #ask(key: Key, delayMs: number): void {
    this.#unconfirmed.set(
      key,
      this.#options.clock.later(() => this.#confirm(key), delayMs),
    );
  }

  #confirm(key: Key): void {
    const { roster } = this.#options;
    if (roster.doubtful) {
      this.#ask(key, doubtfulMs);
      return;
    }
    this.#unconfirmed.delete(key);
    this.#end(key, roster.facts(presenceTable, String(key)));
  }

  #confirmed(key: Key): void {
    this.#unconfirmed.get(key)?.();
    this.#unconfirmed.delete(key);
  }

  #end(key: Key, facts: PresenceFacts): void {
    const { most, own, clock } = this.#options;
    const surplus = new Set(
      sessionMarks(facts)
        .slice(0, -(most as number))
        .map(([, id]) => id),
    );
    for (const session of own.sessionsOf(key)) {
      // Later: this may run inside a change of the roster, and an end is the next one.
      if (surplus.has(session.id)) clock.soon(() => session.end(4409, 'replaced by a newer session'));
    }
  }
}
