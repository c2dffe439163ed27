// One place among the workers, kept filled: a worker that dies is started again, later each time it dies young. Invariant: a
// place has one current process at most, and a successor takes over only when it listens.

import { StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { hungPulses } from './messages.ts';
import type { WorkerStart } from './worker.ts';
import { WorkerProcess } from './worker-process.ts';

const firstDelayMs = 200;
const maxDelayMs = 10_000;
/** The end of a worker that lived this long is no sign of a fault that comes back at once. */
const youthMs = 60_000;

export interface SlotOptions {
  /** The script of the command line. */
  program: string;
  log: Log;
  /** Asked at each start. */
  start(): WorkerStart;
}

export class Slot {
  current: WorkerProcess | undefined;
  /** Workers started in the place of others, dead ones and drained ones. */
  restarts = 0;
  readonly #options: SlotOptions;
  #starting: WorkerProcess | undefined;
  #youngEnds = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** Starts the first worker, and tries once only. @throws StartError when it does not come to listen. */
  async open(): Promise<void> {
    this.#take(await this.#launch());
  }

  /** Whether the current worker may be replaced for its size: a ceiling that is too low must not become a storm. */
  get mature(): boolean {
    return this.current !== undefined && !this.#starting && Date.now() - this.current.startedAtMs >= this.#delayMs;
  }

  /** Starts a successor, and drains the current worker when it listens. Harmless without a current one. */
  async replace(reason: string): Promise<void> {
    const old = this.current;
    if (!old || this.#closed) return;
    this.#countEnd(old);
    try {
      this.#take(await this.#launch());
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#options.log.error({ reason: error.message }, 'a worker could not be replaced');
      if (!this.current) this.#startLater();
      return;
    }
    this.restarts++;
    await old.drain(reason);
  }

  /** Called once a pulse: kills a worker that has not been heard for too many of them; another one follows. */
  watch(): void {
    const worker = this.current;
    if (worker?.missPulse() !== hungPulses) return;
    this.#options.log.error({ pid: worker.pid }, 'a worker does not answer and is killed');
    worker.kill();
  }

  /** Ends for good. */
  async drain(reason: string): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await Promise.all([this.#starting?.drain(reason), this.current?.drain(reason)]);
  }

  kill(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#starting?.kill();
    this.current?.kill();
  }

  async #launch(): Promise<WorkerProcess> {
    const worker = new WorkerProcess(this.#options.program, this.#options.start());
    this.#starting = worker;
    try {
      await worker.listening;
      return worker;
    } finally {
      this.#starting = undefined;
    }
  }

  #take(worker: WorkerProcess): void {
    this.current = worker;
    this.#options.log.info({ pid: worker.pid }, 'a worker listens');
    void worker.ended.then((outcome) => this.#ended(worker, outcome));
  }

  #ended(worker: WorkerProcess, outcome: number | string): void {
    if (this.current !== worker) return;
    this.current = undefined;
    if (this.#closed) return;
    this.#countEnd(worker);
    this.#options.log.error({ pid: worker.pid, outcome, againInMs: this.#delayMs }, 'a worker ended');
    if (!this.#starting) this.#startLater();
  }

  #startLater(): void {
    if (!this.#closed) this.#retry = setTimeout(() => void this.#startAgain(), this.#delayMs);
  }

  async #startAgain(): Promise<void> {
    try {
      const worker = await this.#launch();
      this.restarts++;
      this.#take(worker);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#youngEnds++;
      this.#options.log.error({ reason: error.message, againInMs: this.#delayMs }, 'a worker could not be started');
      this.#startLater();
    }
  }

  #countEnd(worker: WorkerProcess): void {
    this.#youngEnds = Date.now() - worker.startedAtMs < youthMs ? this.#youngEnds + 1 : 0;
  }

  get #delayMs(): number {
    return Math.min(maxDelayMs, firstDelayMs * 2 ** Math.max(0, this.#youngEnds - 1));
  }
}
