// One row of the log as the page shows it, made from the SDK's view. A line is made anew only when it looks different, so that
// the list can tell by identity what to draw.

import type { ConversationHandle, Member, ViewEntry } from '../../../client-sdk/index.ts';
import { systemWords } from './wording.ts';

/** How far an own message got, in the SDK's words. */
export type Mark = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed';

export interface Line {
  /** The same before and after the server has numbered it, so that its element stays. */
  readonly key: string;
  /** Absent while it waits to be sent. */
  readonly seq: number | undefined;
  readonly side: 'mine' | 'theirs' | 'system';
  readonly sender: string;
  readonly text: string;
  readonly messageId: string;
  /** ms since 1970. */
  readonly at: number;
  /** On own messages only. */
  readonly mark: Mark | undefined;
}

/** The lines of one person's view of a conversation. */
export class Lines {
  readonly #person: { id: string; name: string };
  readonly #conversation: ConversationHandle;
  readonly #made = new WeakMap<ViewEntry, Line>();
  #members: readonly Member[] = [];
  #names = new Map<string, string>();

  constructor(person: { id: string; name: string }, conversation: ConversationHandle) {
    this.#person = person;
    this.#conversation = conversation;
  }

  /** All of them, in order. */
  all(): Line[] {
    return this.#conversation.entries.map((entry) => this.#lineOf(entry));
  }

  /** What a user is called in the conversation; of a stranger, the id. */
  nameOf(userId: string): string {
    const { members } = this.#conversation;
    if (members !== this.#members) {
      this.#members = members;
      this.#names = new Map(members.map((member) => [member.userId, member.name]));
    }
    return this.#names.get(userId) ?? userId;
  }

  #lineOf(entry: ViewEntry): Line {
    const mine = entry.sender === this.#person.id || entry.sender === '';
    const system = entry.type === 'system';
    const sender = mine ? this.#person.name : this.nameOf(entry.sender);
    const mark = mine && !system ? this.#conversation.tick(entry) : undefined;
    const made = this.#made.get(entry);
    if (made && made.mark === mark && made.sender === sender) return made;
    const line: Line = {
      key: `${mine ? this.#person.id : entry.sender}/${entry.messageId}`,
      seq: entry.seq,
      side: system ? 'system' : mine ? 'mine' : 'theirs',
      sender,
      text: system ? systemWords(entry) : (entry.text ?? entry.type),
      messageId: entry.messageId,
      // Who has slept is ahead of the world until the server has said when it was.
      at: Math.min(entry.createdAt, Date.now()),
      mark,
    };
    this.#made.set(entry, line);
    return line;
  }
}
