// All workers as one server: their start and end, and what is said of them on the HTTP port.

import type { Front } from '../app.ts';
import type { Settings } from '../config.ts';
import { type Figures, type Health, sumFigures } from '../health.ts';
import type { Log } from '../log.ts';
import type { Exposition, Metrics } from '../metrics.ts';
import { mergeExpositions } from './expositions.ts';
import { pulseMs } from './messages.ts';
import { Slot } from './slot.ts';
import type { WorkerProcess } from './worker-process.ts';

const metricsTimeoutMs = 1_000;
const bytesPerMiB = 1_048_576;

export interface FleetOptions {
  /** How many. */
  workers: number;
  /** The script of the command line. */
  program: string;
  log: Log;
}

export class Fleet implements Front {
  readonly #slots: readonly Slot[];
  readonly #log: Log;
  #settings: Settings | undefined;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #missedReports = 0;
  #watching: NodeJS.Timeout | undefined;
  /** Replacements run one at a time. */
  #replacing: Promise<void> | undefined;

  constructor({ workers, program, log }: FleetOptions) {
    this.#log = log;
    this.#slots = Array.from({ length: workers }, (_, index) => {
      const worker = String(index);
      return new Slot({ program, log: log.child({ worker }), start: () => ({ worker, settings: this.#settings! }) });
    });
  }

  /**
   * Starts all workers, the first one alone, because it tells of faults once.
   * @param settings with the database that is in use and the ports that are open.
   * @param onFirst called when the first one listens.
   * @throws StartError when one does not come to listen
   */
  async open(settings: Settings, onFirst: () => void): Promise<void> {
    this.#settings = settings;
    const [first, ...others] = this.#slots;
    await first!.open();
    onFirst();
    await Promise.all(others.map((slot) => slot.open()));
    this.#state = 'ready';
    this.#watching = setInterval(() => this.#watch(settings.workerMaxMb), pulseMs);
  }

  health(own: Health): Health {
    const workers = `${this.#ready} of ${this.#slots.length} ready`;
    const status = this.#status(own);
    return { ...own, status, ready: status === 'ok' || status === 'degraded', checks: { ...own.checks, workers } };
  }

  figures(own: Figures): Figures {
    return sumFigures(
      own,
      this.#running.flatMap(({ pulse }) => pulse?.figures ?? []),
    );
  }

  async metrics({ contentType, body }: Exposition): Promise<Exposition> {
    const answers = await Promise.all(this.#running.map((worker) => worker.metrics(metricsTimeoutMs)));
    const told = answers.filter((text) => text !== undefined);
    this.#missedReports += answers.length - told.length;
    return { contentType, body: mergeExpositions([body, ...told]) };
  }

  wsPort(): number {
    return this.#settings?.port ?? 0;
  }

  register(metrics: Metrics): void {
    metrics.labelled('workers', 'Workers by state', 'state', () => [
      ['ready', this.#ready],
      ['other', this.#slots.length - this.#ready],
    ]);
    metrics.counter('worker_restarts_total', 'Workers started in the place of others', () =>
      this.#slots.reduce((sum, slot) => sum + slot.restarts, 0),
    );
    metrics.counter('worker_reports_missed_total', 'Scrapes that a worker did not answer in time', () => this.#missedReports);
  }

  /** A successor for every worker, one after the other, each of them before its predecessor goes. */
  replaceAll(reason: string): Promise<void> {
    return this.#replaceInTurn(this.#slots, reason);
  }

  /** Drains one worker after the other: those not yet drained take over the clients. */
  async close(reason: string): Promise<void> {
    this.#state = 'draining';
    clearInterval(this.#watching);
    for (const slot of this.#slots) await slot.drain(reason);
    await this.#replacing;
  }

  /** Ends all at once, when there is no time left. */
  kill(): void {
    for (const slot of this.#slots) slot.kill();
  }

  #replaceInTurn(slots: readonly Slot[], reason: string): Promise<void> {
    const turn = (this.#replacing ?? Promise.resolve())
      .then(() => this.#replace(slots, reason))
      .finally(() => {
        if (this.#replacing === turn) this.#replacing = undefined;
      });
    this.#replacing = turn;
    return turn;
  }

  async #replace(slots: readonly Slot[], reason: string): Promise<void> {
    for (const slot of slots) if (this.#state === 'ready') await slot.replace(reason);
  }

  #watch(maxMiB: number): void {
    for (const slot of this.#slots) slot.watch();
    if (maxMiB > 0 && !this.#replacing) this.#replaceTooLarge(maxMiB);
  }

  /** The oldest of those beyond the ceiling, so that each gets its turn. */
  #replaceTooLarge(maxMiB: number): void {
    const [slot] = this.#slots
      .filter(({ mature, current }) => mature && (current?.pulse?.rssBytes ?? 0) > maxMiB * bytesPerMiB)
      .sort((a, b) => a.current!.startedAtMs - b.current!.startedAtMs);
    if (!slot) return;
    const { pid, pulse } = slot.current!;
    this.#log.warn({ pid, rssMiB: Math.round(pulse!.rssBytes / bytesPerMiB), maxMiB }, 'a worker is too large and is replaced');
    void this.#replaceInTurn([slot], 'restart');
  }

  get #running(): WorkerProcess[] {
    return this.#slots.flatMap(({ current }) => current ?? []);
  }

  get #ready(): number {
    return this.#running.filter(({ ready }) => ready).length;
  }

  #status(own: Health): Health['status'] {
    if (this.#state !== 'ready') return this.#state;
    if (!own.ready) return own.status;
    const ready = this.#ready;
    if (ready === 0) return 'down';
    return ready < this.#slots.length ? 'degraded' : own.status;
  }
}
