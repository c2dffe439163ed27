// Notifications are entries of a private log, one per user: numbered, stored, resumed and repaired like any other.

import { hash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { encodePush } from '../../protocol/codec.ts';
import type { Notification } from '../../protocol/index.ts';
import { CommandError } from '../errors.ts';
import type { Key, Store, StoredEntry } from '../store/store.ts';
import type { Delivery } from './delivery.ts';
import { notificationOf } from './entries.ts';
import type { Identity } from './identity.ts';
import type { Log } from './log.ts';
import { userTopic } from './topics.ts';
import { fromStore } from './unavailable.ts';

export type NewNotification = Omit<Notification, 'seq' | 'id' | 'timestamp'> & { id?: string };

/** Most notifications a sync hands out; the log itself keeps the newest 200. */
const maxMissed = 200;

export const notificationFrame = (entry: StoredEntry): Uint8Array => encodePush('notification', notificationOf(entry));

export class Notifications {
  readonly #store: Pick<Store, 'findUser' | 'readAfter'>;
  readonly #log: Log;
  readonly #delivery: Delivery;

  constructor(store: Pick<Store, 'findUser' | 'readAfter'>, log: Log, delivery: Delivery) {
    this.#store = store;
    this.#log = log;
    this.#delivery = delivery;
  }

  /**
   * Stores a notification for a user of the publisher's tenant; it reaches all devices, now or at their next sync.
   * @throws CommandError NOT_FOUND, ID_REUSED, UNAVAILABLE
   */
  async publish(publisher: Identity, userId: string, notification: NewNotification): Promise<{ id: string; seq: number }> {
    const user = await fromStore(this.#store.findUser(publisher.tenantId, userId));
    if (!user) throw new CommandError('NOT_FOUND', 'no such user');
    const { id = uuidv7(), message, ...metadata } = notification;
    const answer = await this.#log.append({
      tenant: publisher.tenantId,
      conversation: user.inbox,
      conversationId: '',
      sender: publisher.key,
      senderId: publisher.userId,
      senderRole: publisher.role,
      messageId: id,
      type: 'text',
      text: message,
      metadata,
      bodyHash: `01${hash('sha256', JSON.stringify([message, metadata]), 'hex').slice(2, 32)}`,
      accessVersion: 0,
      encode: notificationFrame,
    });
    if (answer.outcome === 'reused') throw new CommandError('ID_REUSED', 'this notification id was used with another content');
    if (answer.outcome !== 'stored' && answer.outcome !== 'repeated') throw new Error(`a notification was answered ${answer.outcome}`);
    return { id, seq: answer.seq };
  }

  /** Registers interest in a private log before its head is read. */
  open(user: Key, inbox: Key): void {
    this.#delivery.open(inbox, '', userTopic(user), notificationFrame);
  }

  /** Missed notifications after a seq, rising; beyond the newest `maxMissed` they are gone. */
  async missed(inbox: Key, afterSeq: number, head: number): Promise<Notification[]> {
    if (head <= afterSeq) return [];
    const { entries } = await this.#store.readAfter(inbox, Math.max(afterSeq, head - maxMissed), maxMissed);
    return entries.map(notificationOf);
  }
}
