// What one receiver saw of one conversation, folded as it arrives: seq must rise by one each time, and the ids are summed in
// order, so that two receivers, or a receiver and the log, can be compared without keeping every id.

import { textEnd, textStart, uintAt, uintSize } from './pack-reader.ts';

export class Arrivals {
  /** Head of the conversation at the join: the first push must be the next one. */
  readonly joinedAt: number;
  last: number;
  count = 0;
  /** Seqs that were jumped over. */
  holes = 0;
  repeats = 0;
  /** Seqs below the one before, other than the same again. */
  reversals = 0;
  firstFault = '';
  /** Ordered sum over the ids of all entries after `joinedAt`. */
  sum = 0;

  constructor(head: number) {
    this.joinedAt = head;
    this.last = head;
  }

  /** Takes the body of a message:new frame at `at` (its array head). */
  take(bytes: Buffer, at: number): void {
    const conversationAt = textStart(bytes, at + 1);
    const seqAt = textEnd(bytes, at + 1, conversationAt);
    const seq = uintAt(bytes, seqAt);
    const idHead = seqAt + uintSize(bytes, seqAt);
    const idEnd = textEnd(bytes, idHead, textStart(bytes, idHead));
    if (seq !== this.last + 1) this.#fault(seq);
    this.last = seq;
    this.count++;
    this.sum = nextSum(this.sum, bytes.readUInt32BE(idEnd - 8), bytes.readUInt32BE(idEnd - 4));
  }

  #fault(seq: number): void {
    if (seq > this.last) this.holes += seq - this.last - 1;
    else if (seq === this.last) this.repeats++;
    else this.reversals++;
    this.firstFault ||= `seq ${seq} after ${this.last}`;
  }
}

/** Adds an id, given as its last eight characters in two words, to an ordered sum. */
function nextSum(sum: number, high: number, low: number): number {
  return (Math.imul(Math.imul(sum, 31) + high, 31) + low) >>> 0;
}

/** Adds an id given as text. */
export function addId(sum: number, id: string): number {
  const tail = Buffer.from(id.slice(-8), 'latin1');
  return nextSum(sum, tail.readUInt32BE(0), tail.readUInt32BE(4));
}
