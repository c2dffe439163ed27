// The private log of this user: notifications by seq, each announced once.

import type { Notification } from '../protocol/bodies/index.ts';
import type { NotificationsHandle } from './api.ts';
import { Emitter, type Unsubscribe } from './events.ts';
import type { Request } from './requests.ts';

const maxKept = 200;

export class Notifications implements NotificationsHandle {
  readonly #request: Request;
  readonly #events: Emitter<{ notification: Notification }>;
  readonly #announce: (notification: Notification) => void;
  #list: readonly Notification[] = [];
  #position: number | undefined;

  constructor(request: Request, announce: (notification: Notification) => void, report: (event: string, error: unknown) => void) {
    this.#request = request;
    this.#announce = announce;
    this.#events = new Emitter(report);
  }

  /** The seq up to which all are known; absent before the first sync. */
  get position(): number | undefined {
    return this.#position;
  }

  get list(): readonly Notification[] {
    return this.#list;
  }

  on(event: 'notification', listener: (notification: Notification) => void): Unsubscribe {
    return this.#events.on(event, listener);
  }

  async ack(ids: string[]): Promise<void> {
    await this.#request('notification:ack', { ids });
  }

  /** What a sync brought; the first one brings the head only. */
  synced(missed: readonly Notification[], head: number): void {
    for (const notification of missed) this.#add(notification);
    this.#position = Math.max(this.#position ?? 0, head);
  }

  /** A push. @returns false when one before it is missing */
  received(notification: Notification): boolean {
    if (this.#position !== undefined && notification.seq > this.#position + 1) return false;
    this.#add(notification);
    return true;
  }

  #add(notification: Notification): void {
    if (notification.seq <= (this.#position ?? 0)) return;
    this.#position = notification.seq;
    this.#list = [...this.#list, notification].slice(-maxKept);
    this.#events.emit('notification', notification);
    this.#announce(notification);
  }
}
