// A set of call numbers that mostly come in order, kept as ranges, so that a busy node's thousands of calls take a few numbers.

import type { CallRanges } from '../store/store.ts';

export class CallSet {
  /** Inclusive, rising, never touching each other. */
  readonly #ranges: [from: number, to: number][] = [];

  add(call: number): void {
    const ranges = this.#ranges;
    const last = ranges.at(-1);
    if (!last || call > last[1] + 1) {
      ranges.push([call, call]);
      return;
    }
    if (call === last[1] + 1) {
      last[1] = call;
      return;
    }
    this.#insert(call);
  }

  has(call: number): boolean {
    const range = this.#ranges[this.#placeOf(call)];
    return range !== undefined && range[0] <= call;
  }

  /** Index of the first range that does not end before the call. */
  #placeOf(call: number): number {
    const ranges = this.#ranges;
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ranges[middle] as [number, number])[1] < call) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A call out of order. */
  #insert(call: number): void {
    const ranges = this.#ranges;
    const low = this.#placeOf(call);
    const next = ranges[low];
    if (next && next[0] <= call) return;
    const before = ranges[low - 1];
    const joinsBefore = before !== undefined && before[1] === call - 1;
    const joinsNext = next !== undefined && next[0] === call + 1;
    if (joinsBefore && joinsNext) {
      before[1] = next[1];
      ranges.splice(low, 1);
    } else if (joinsBefore) before[1] = call;
    else if (joinsNext) next[0] = call;
    else ranges.splice(low, 0, [call, call]);
  }

  get ranges(): CallRanges {
    return this.#ranges;
  }

  addAll(other: CallSet): void {
    for (const [from, to] of other.ranges) for (let call = from; call <= to; call++) this.add(call);
  }
}
