// Who has received and read how much of one conversation. Watermarks only rise: replies and pushes come in any order.

import type { Member, Watermark } from '../protocol/bodies/index.ts';

/** How far an own message got: with at least one other member who is not a bot. */
export type Tick = 'sent' | 'delivered' | 'read';

export class Receipts {
  readonly #members = new Map<string, Member>();
  readonly #watermarks = new Map<string, Watermark>();
  #snapshot: readonly Member[] | undefined;

  /** The same array while nothing has changed. */
  get members(): readonly Member[] {
    this.#snapshot ??= [...this.#members.values()].map((member) => ({ ...member, ...this.#watermarks.get(member.userId) }));
    return this.#snapshot;
  }

  /** The members as the server lists them now: who is not among them is a member no more. */
  replace(members: readonly Member[], complete: boolean): void {
    if (complete) {
      this.#members.clear();
      this.#snapshot = undefined;
    }
    for (const member of members) this.add(member);
  }

  add(member: Member): void {
    this.#snapshot = undefined;
    this.#members.set(member.userId, member);
    this.raise(member);
  }

  remove(userId: string): void {
    this.#snapshot = undefined;
    this.#members.delete(userId);
    this.#watermarks.delete(userId);
  }

  /** @returns whether anything rose */
  raise({ userId, readSeq, deliveredSeq }: Watermark): boolean {
    const old = this.of(userId);
    const raised = {
      userId,
      readSeq: Math.max(old.readSeq, readSeq),
      deliveredSeq: Math.max(old.deliveredSeq, deliveredSeq, readSeq),
    };
    if (raised.readSeq === old.readSeq && raised.deliveredSeq === old.deliveredSeq) return false;
    this.#watermarks.set(userId, raised);
    this.#snapshot = undefined;
    return true;
  }

  has(userId: string): boolean {
    return this.#members.has(userId);
  }

  of(userId: string): Watermark {
    return this.#watermarks.get(userId) ?? { userId, readSeq: 0, deliveredSeq: 0 };
  }

  /** Users who have read the entry `seq`, without `sender`. */
  readBy(seq: number, sender?: string): string[] {
    return this.#reached(seq, 'readSeq', sender);
  }

  /** Users who have received the entry `seq`, without `sender`. */
  deliveredTo(seq: number, sender?: string): string[] {
    return this.#reached(seq, 'deliveredSeq', sender);
  }

  tick(seq: number, sender: string): Tick {
    const human = (userId: string) => this.#members.get(userId)?.role !== 'bot';
    if (this.readBy(seq, sender).some(human)) return 'read';
    return this.deliveredTo(seq, sender).some(human) ? 'delivered' : 'sent';
  }

  clear(): void {
    this.#snapshot = undefined;
    this.#members.clear();
    this.#watermarks.clear();
  }

  #reached(seq: number, mark: 'readSeq' | 'deliveredSeq', sender?: string): string[] {
    const users: string[] = [];
    for (const watermark of this.#watermarks.values()) {
      if (watermark[mark] >= seq && watermark.userId !== sender) users.push(watermark.userId);
    }
    return users;
  }
}
