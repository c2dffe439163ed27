// Prometheus metrics. Hot paths count in plain numbers; they are read here when somebody scrapes.

import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client';

/** Metrics in the text format of Prometheus. */
export interface Exposition {
  contentType: string;
  body: string;
}

export class Metrics {
  readonly #registry = new Registry();

  /** @param labels that every sample carries: a closed list, never ids. */
  constructor(labels: Readonly<Record<string, string>> = {}) {
    this.#registry.setDefaultLabels(labels);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** A number read at each scrape. Names are prefixed `utalk_`. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name: `utalk_${name}`, help, registers: [this.#registry], collect: () => gauge.set(read()) });
  }

  /** A number that only rises, kept elsewhere; `_total` is part of the name. */
  counter(name: string, help: string, read: () => number): void {
    let seen = 0;
    const counter: Counter = new Counter({
      name: `utalk_${name}`,
      help,
      registers: [this.#registry],
      collect: () => {
        const now = read();
        counter.inc(now - seen);
        seen = now;
      },
    });
  }

  /** Numbers by one label. The label's values are a closed list: never ids. */
  labelled(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void {
    const gauge: Gauge<string> = new Gauge<string>({
      name: `utalk_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        for (const [value, count] of read()) gauge.set({ [label]: value }, count);
      },
    });
  }

  async text(): Promise<Exposition> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}
