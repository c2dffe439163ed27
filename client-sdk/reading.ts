// What this user has read and received of one conversation, and how much he has not. His read watermark rises only; several
// reads become one command, and one that was made offline is sent with the next connection.

import type { Entry } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { ConversationLog } from './conversation-log.ts';
import type { Core } from './core.ts';
import { DisconnectedError } from './errors.ts';
import type { Membership } from './membership.ts';

/** What is read. */
interface Readable {
  readonly id: string;
  readonly log: ConversationLog;
  readonly membership: Membership;
  /** It looks different, in the list of conversations, too. */
  news(): void;
}

export class Reading {
  readonly #conversation: Readable;
  readonly #core: Core;
  /** How far he has read, stored or not. */
  #readSeq = 0;
  #storing: Promise<void> | undefined;
  /** Unread messages as the server counted them in a log that ended at `head`. */
  #counted = { unreadCount: 0, head: 0 };

  constructor(conversation: Readable, core: Core) {
    this.#conversation = conversation;
    this.#core = core;
  }

  /** Messages of others behind the watermark, capped as the server's counts are. */
  get unreadCount(): number {
    const readSeq = Math.max(this.#readSeq, this.#own.readSeq);
    // Exact when all unread entries are held; else the server's count and what came since.
    const isExact = this.#conversation.log.firstSeq <= readSeq + 1;
    const from = isExact ? readSeq : Math.max(readSeq, this.#counted.head);
    const since = this.#othersAfter(from).filter(({ type }) => type !== 'system').length;
    return Math.min(limits.unreadCap, since + (isExact ? 0 : this.#counted.unreadCount));
  }

  /** How far to report that everything is here. Only members report, and own entries are no reason. */
  get undelivered(): number | undefined {
    const { role, deliveredSeq } = this.#own;
    const isNews = role && this.#othersAfter(Math.max(deliveredSeq, this.#readSeq)).length > 0;
    return isNews ? this.#conversation.log.position : undefined;
  }

  get #own() {
    return this.#conversation.membership.of(this.#core.userId);
  }

  /** Entries of others behind `from`. */
  #othersAfter(from: number): Entry[] {
    return this.#conversation.log.run.filter(({ seq, sender }) => seq > from && sender !== this.#core.userId);
  }

  /** What a join or a sync said. */
  counted({ unreadCount, head, reset }: { unreadCount: number; head: number; reset?: boolean | undefined }): void {
    this.#counted = { unreadCount, head };
    if (reset) this.#readSeq = 0;
  }

  /** Everything up to `seq` was read. @returns when that is stored, or the connection was lost: `store` sends it again then */
  mark(seq: number): Promise<void> {
    this.#readSeq = Math.max(this.#readSeq, seq);
    this.#conversation.news();
    return this.store();
  }

  /** Sends what is not stored yet. */
  store(): Promise<void> {
    this.#storing ??= this.#store().finally(() => {
      this.#storing = undefined;
    });
    return this.#storing;
  }

  async #store(): Promise<void> {
    const { id, log, membership } = this.#conversation;
    while (this.#readSeq > this.#own.readSeq) {
      const seq = this.#readSeq;
      try {
        const { unreadCount, readSeq, deliveredSeq } = await this.#core.requestPatiently('conversation:read', { conversationId: id, seq });
        this.counted({ unreadCount, head: log.head });
        membership.learn({ userId: this.#core.userId ?? '', readSeq: Math.max(readSeq, seq), deliveredSeq });
        this.#conversation.news();
      } catch (error) {
        if (error instanceof DisconnectedError) return;
        this.#readSeq = 0;
        throw error;
      }
    }
  }
}
