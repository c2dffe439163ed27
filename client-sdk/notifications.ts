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

  /** What a sync brought. The first one is no news. */
  synced(missed: readonly Notification[], head: number): void {
    const isNews = this.#position !== undefined;
    for (const notification of missed) this.#add(notification, isNews);
    this.#position = Math.max(this.#position ?? 0, head);
  }

  /** A push. @returns false when one before it is missing */
  received(notification: Notification): boolean {
    if (this.#position !== undefined && notification.seq > this.#position + 1) return false;
    this.#add(notification, true);
    return true;
  }

  reset(): void {
    this.#list = [];
    this.#position = undefined;
  }

  #add(notification: Notification, isNews: boolean): void {
    if (this.#list.some(({ seq }) => seq === notification.seq)) return;
    this.#list = [...this.#list, notification].sort((a, b) => a.seq - b.seq).slice(-maxKept);
    if (isNews && notification.seq <= (this.#position ?? 0)) return;
    if (this.#position !== undefined) this.#position = Math.max(this.#position, notification.seq);
    if (!isNews) return;
    this.#events.emit('notification', notification);
    this.#announce(notification);
  }
}
