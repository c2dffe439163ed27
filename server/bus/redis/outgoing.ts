// What waits to be published, cut into entries. Order is kept; events of one call may be spread over several entries, and the
// last of them tells how far back the first one is.

import type { BusEvent } from '../bus.ts';
import { type Entry, maxCallBytes, maxEntryBytes, maxHeadBytes, sizeOf } from './entry-format.ts';

interface Waiting {
  call: number;
  events: readonly BusEvent[];
  /** Index of the first event that is in no entry yet. */
  next: number;
  /** Number of the entry with its first events; 0 as long as there is none. */
  began: number;
}

export class Outgoing {
  #waiting: Waiting[] = [];
  #bytes = 0;
  #number = 0;
  #lost = false;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  push(call: number, events: readonly BusEvent[]): void {
    this.#bytes += maxCallBytes;
    for (const event of events) this.#bytes += sizeOf(event);
    this.#waiting.push({ call, events, next: 0, began: 0 });
  }

  /** Uses up a number before the next entry, so that everybody notices that something is missing. */
  skip(): void {
    this.#lost = true;
  }

  /** Gives up all that waits. @returns how many events that were. */
  clear(): number {
    let events = 0;
    for (const { events: all, next } of this.#waiting) events += all.length - next;
    if (this.#waiting.length > 0) this.skip();
    this.#waiting = [];
    this.#bytes = 0;
    return events;
  }

  /** Takes what fits into one entry; one without events when nothing waits. */
  take(flags = 0): Entry {
    this.#number += this.#lost ? 2 : 1;
    this.#lost = false;
    const number = this.#number;
    const calls: number[] = [];
    const events: BusEvent[] = [];
    let room = maxEntryBytes - maxHeadBytes;
    let done = 0;
    for (const waiting of this.#waiting) {
      room = this.#fill(waiting, events, room - maxCallBytes);
      if (waiting.next > 0 && waiting.began === 0) waiting.began = number;
      if (waiting.next < waiting.events.length) break;
      done++;
      this.#bytes -= maxCallBytes;
      if (waiting.call > 0) calls.push(waiting.call, number - (waiting.began || number));
    }
    this.#waiting.splice(0, done);
    return { flags, number, calls, events };
  }

  /** @returns the room that is left. */
  #fill(waiting: Waiting, events: BusEvent[], room: number): number {
    let left = room;
    while (waiting.next < waiting.events.length) {
      const event = waiting.events[waiting.next]!;
      const size = sizeOf(event);
      if (size > left && events.length > 0) break;
      events.push(event);
      waiting.next++;
      left -= size;
      this.#bytes -= size;
    }
    return left;
  }
}
