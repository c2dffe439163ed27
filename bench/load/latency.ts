// Latencies of one lap, in microseconds inside and milliseconds outside.

import { build, type Histogram } from 'hdr-histogram-js';

export interface Percentiles {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
}

export class Latency {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });

  add(ms: number): void {
    this.#histogram.recordValue(Math.min(Math.max(1, Math.round(ms * 1_000)), 60_000_000));
  }

  /** Percentiles of what was added since the last call; undefined when nothing was. */
  take(): Percentiles | undefined {
    if (this.#histogram.totalCount === 0) return undefined;
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1_000;
    const result = { p50Ms: at(50), p95Ms: at(95), p99Ms: at(99), maxMs: this.#histogram.maxValue / 1_000 };
    this.#histogram.reset();
    return result;
  }
}
