// Keeps the sends of a session in order where they could overtake each other: behind a refused one that will be tried again, and
// while the state that several were decided on is getting old.
//
// Owner of the tables: this class, one per session. An entry lives while something is held back, or open, in its conversation.

import type { Key } from '../store/store.ts';

const maxHeldBack = 10_000;

export class SendOrder {
  /** By conversation id: the place of the first refused send. */
  readonly #heldBack = new Map<string, number>();
  readonly #open = new Map<Key, { accessVersion: number; sends: number }>();
  readonly #waiting = new Map<Key, (() => void)[]>();
  #places = 0;

  /** Number of a command in the order the session sent them. */
  nextPlace(): number {
    return ++this.#places;
  }

  /**
   * Notes that a send was refused and may be tried again: later ones of the conversation wait for one marked `first`.
   * @returns false when so many conversations are held back that the session should begin anew.
   */
  holdBack(conversationId: string, place: number): boolean {
    const held = this.#heldBack.get(conversationId) ?? place;
    this.#heldBack.set(conversationId, Math.min(held, place));
    return this.#heldBack.size <= maxHeldBack;
  }

  /** Whether a send may pass: nothing sent before it is held back in the conversation, or it is the first one again. */
  maySend(conversationId: string, place: number, first: boolean): boolean {
    if (this.#heldBack.size === 0) return true;
    const held = this.#heldBack.get(conversationId);
    if (held === undefined || place < held) return true;
    if (first) this.#heldBack.delete(conversationId);
    return first;
  }

  /** The access version for a send: that of the sends still open in the conversation, else the given one. */
  pinVersion(conversation: Key, accessVersion: number): number {
    const pinned = this.#open.get(conversation);
    if (pinned) {
      pinned.sends++;
      return pinned.accessVersion;
    }
    this.#open.set(conversation, { accessVersion, sends: 1 });
    return accessVersion;
  }

  unpinVersion(conversation: Key): void {
    const pinned = this.#open.get(conversation);
    if (!pinned || --pinned.sends > 0) return;
    this.#open.delete(conversation);
    this.wake(conversation);
  }

  /**
   * Resolves when no send of this session is open in the conversation, so that what follows is not decided before them. Also
   * when one of them must be decided again: that waits for its own turn, behind the one who asks here.
   */
  async settled(conversation: Key): Promise<void> {
    if (!this.#open.has(conversation)) return;
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(conversation) ?? [];
      waiting.push(resolve);
      this.#waiting.set(conversation, waiting);
    });
  }

  /** Lets go whoever waits for the conversation's open sends. */
  wake(conversation: Key): void {
    const waiting = this.#waiting.get(conversation) ?? [];
    this.#waiting.delete(conversation);
    for (const resolve of waiting) resolve();
  }
}
