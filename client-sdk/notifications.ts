// The private log of this user: notifications by seq, each announced once.

import type { Notification } from '../protocol/bodies/index.ts';
import type { NotificationsHandle } from './api.ts';
import * as bounds from './bounds.ts';
import type { Core } from './core.ts';
import { Emitter } from './events.ts';
import type { CallOptions } from './requests.ts';

export class Notifications extends Emitter<{ notification: Notification }, Core> implements NotificationsHandle {
  list: readonly Notification[] = [];
  /** The seq up to which all are known; absent before the first sync. */
  position: number | undefined;

  async ack(ids: string[], options?: CallOptions): Promise<void> {
    await this.core.request('notification:ack', { ids }, options);
  }

  /** What a sync brought; the first one brings the head only. */
  synced(missed: readonly Notification[], head: number): void {
    for (const notification of missed) this.#add(notification);
    this.position = Math.max(this.position ?? 0, head);
  }

  /** A push. @returns false when one before it is missing */
  received(notification: Notification): boolean {
    if (this.position !== undefined && notification.seq > this.position + 1) return false;
    this.#add(notification);
    return true;
  }

  #add(notification: Notification): void {
    if (notification.seq <= (this.position ?? 0)) return;
    this.position = notification.seq;
    this.list = [...this.list, notification].slice(-bounds.maxNotifications);
    this.emit('notification', notification);
    this.core.emit('notification', notification);
  }
}
