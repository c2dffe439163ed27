// All messages that the server has not acknowledged, one lane a conversation. Bounded; lanes exist only while they hold
// something.

import type { UTalkError } from './errors.ts';
import { OutboxFullError } from './errors.ts';
import type { Acknowledgement } from './local-echo.ts';
import { type LaneSettings, OutboxLane, type Outgoing } from './outbox-lane.ts';

export class Outbox {
  readonly #settings: LaneSettings;
  readonly #maxSize: number;
  readonly #lanes = new Map<string, OutboxLane>();
  #online = false;
  #size = 0;
  #whenEmpty: (() => void)[] = [];

  constructor(settings: LaneSettings, maxSize: number) {
    this.#settings = settings;
    this.#maxSize = maxSize;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws OutboxFullError */
  push(outgoing: Outgoing): void {
    if (this.#size >= this.#maxSize) throw new OutboxFullError(this.#maxSize);
    const id = outgoing.draft.conversationId;
    this.#size++;
    this.#laneOf(id).push({
      draft: outgoing.draft,
      settle: (ack) => {
        this.#left(id);
        outgoing.settle(ack);
      },
      fail: (error) => {
        this.#left(id);
        outgoing.fail(error);
      },
    });
  }

  /** There is a connection. */
  resume(): void {
    this.#online = true;
    for (const lane of this.#lanes.values()) lane.resume();
  }

  /** It may not be written to any more; answers may still come. */
  pause(): void {
    this.#online = false;
    for (const lane of this.#lanes.values()) lane.pause();
  }

  /** It is gone: what was open waits for the next one. */
  lose(): void {
    this.#online = false;
    for (const lane of this.#lanes.values()) lane.lose();
  }

  /** Takes a message back that was never written. False when it may be on its way already. */
  withdraw(conversationId: string, messageId: string): boolean {
    const withdrawn = this.#lanes.get(conversationId)?.withdraw(messageId) ?? false;
    if (withdrawn) this.#left(conversationId);
    return withdrawn;
  }

  /** The message was seen in the log before its acknowledgement came. */
  confirm(conversationId: string, messageId: string, ack: Acknowledgement): void {
    this.#lanes.get(conversationId)?.confirm(messageId, ack);
  }

  failAll(error: UTalkError): void {
    for (const lane of [...this.#lanes.values()]) lane.failAll(error);
  }

  /** Resolves when nothing waits any more. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#size === 0) resolve();
      else this.#whenEmpty.push(resolve);
    });
  }

  #laneOf(id: string): OutboxLane {
    let lane = this.#lanes.get(id);
    if (!lane) {
      lane = new OutboxLane(this.#settings);
      this.#lanes.set(id, lane);
      if (this.#online) lane.resume();
    }
    return lane;
  }

  #left(id: string): void {
    if (this.#lanes.get(id)?.size === 0) this.#lanes.delete(id);
    if (--this.#size > 0) return;
    for (const resolve of this.#whenEmpty) resolve();
    this.#whenEmpty = [];
  }
}
