// The private log of each user: notifications with a seq of their own.

import type { Notification } from '../../protocol/bodies/index.ts';

/** Notifications in one reply. */
const page = 200;

export class Inboxes {
  readonly #byUser = new Map<string, Notification[]>();

  /** Stores one, and gives it its seq. */
  append(userId: string, notification: Omit<Notification, 'seq'>): Notification {
    const list = this.#byUser.get(userId) ?? [];
    this.#byUser.set(userId, list);
    const stored = { ...notification, seq: list.length + 1 };
    list.push(stored);
    return stored;
  }

  /** The newest after this seq; none where no seq was given. */
  after(userId: string, afterSeq: number | undefined): Notification[] {
    return afterSeq === undefined ? [] : (this.#byUser.get(userId) ?? []).slice(afterSeq).slice(-page);
  }

  head(userId: string): number {
    return this.#byUser.get(userId)?.length ?? 0;
  }
}
