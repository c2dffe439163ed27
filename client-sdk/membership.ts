// Who is in one conversation, and how far each has received and read. Watermarks only rise: replies and pushes come in any order.

import type { Entry, JoinResult, Member, Watermark } from '../protocol/bodies/index.ts';

/** How far an own message got: with at least one other member who is not a bot. */
export type Tick = 'sent' | 'delivered' | 'read';

type Known = Watermark & Partial<Member>;

export class Membership {
  /** How many members there are, listed or not. */
  count = 0;
  #known = new Map<string, Known>();
  #list: readonly Member[] | undefined;
  /** Entries up to here are contained in what is known. */
  #upTo = 0;

  /** Those that the server has listed. The same array while nothing has changed. */
  get list(): readonly Member[] {
    this.#list ??= [...this.#known.values()].filter((one): one is Member => one.role !== undefined);
    return this.#list;
  }

  of(userId: string | undefined = ''): Known {
    return this.#known.get(userId) ?? { userId, readSeq: 0, deliveredSeq: 0 };
  }

  /** What a join or a sync said: who is not in a complete list is a member no more. */
  replace({ head, members, memberCount, reset }: JoinResult): void {
    const before = reset ? undefined : this.#known;
    if (reset || members.length >= memberCount) this.#known = new Map();
    for (const member of members) this.learn(member, before?.get(member.userId));
    this.count = memberCount;
    this.#upTo = head;
    this.#list = undefined;
  }

  /** What is known of a user beside `old`. @returns whether it is news */
  learn(one: Known, old = this.of(one.userId)): boolean {
    const readSeq = Math.max(old.readSeq, one.readSeq);
    const deliveredSeq = Math.max(old.deliveredSeq, one.deliveredSeq, readSeq);
    if (!one.role && readSeq === old.readSeq && deliveredSeq === old.deliveredSeq) return false;
    this.#known.set(one.userId, { ...old, ...one, readSeq, deliveredSeq });
    this.#list = undefined;
    return true;
  }

  /** An entry that joined the log; system entries change the members. */
  follow({ seq, type, metadata }: Entry): void {
    if (type !== 'system' || seq <= this.#upTo) return;
    this.#upTo = seq;
    this.#list = undefined;
    for (const user of (metadata?.users ?? []) as Member[]) {
      const isMember = this.of(user.userId).role !== undefined;
      if (metadata?.event === 'member:added') {
        if (!isMember) this.count++;
        this.learn({ ...user, readSeq: 0, deliveredSeq: 0 });
      } else if (metadata?.event === 'member:removed') {
        this.count--;
        this.#known.delete(user.userId);
      }
    }
  }

  /** Users other than `sender` who have read the entry `seq`. */
  readBy(seq: number, sender?: string): string[] {
    return this.#reached('readSeq', seq, sender).map(({ userId }) => userId);
  }

  /** How far the entry `seq` of `sender` got. */
  tick(seq: number, sender = ''): Tick {
    const byPeople = (mark: 'readSeq' | 'deliveredSeq') => this.#reached(mark, seq, sender).some(({ role }) => role !== 'bot');
    return byPeople('readSeq') ? 'read' : byPeople('deliveredSeq') ? 'delivered' : 'sent';
  }

  #reached(mark: 'readSeq' | 'deliveredSeq', seq: number, sender?: string): Known[] {
    return [...this.#known.values()].filter((one) => one[mark] >= seq && one.userId !== sender);
  }
}
