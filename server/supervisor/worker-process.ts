// The supervisor's side of one child process: what it said last, what it is asked, and its end. Starts nothing anew; that is
// the slot's business.

import { type ChildProcess, fork } from 'node:child_process';
import { StartError } from '../errors.ts';
import type { FromWorker, Pulse, ToWorker } from './messages.ts';
import { readyPulses } from './messages.ts';
import type { WorkerStart } from './worker.ts';

/** A drained worker that has not ended this long after its window is killed. */
const drainPatienceMs = 20_000;

export class WorkerProcess {
  /** Resolves when it takes clients; rejects when it ends before, with StartError when it said why. */
  readonly listening: Promise<void>;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  readonly startedAtMs = Date.now();
  pulse: Pulse | undefined;
  #child: ChildProcess;
  #missed = 0;
  #draining = false;
  #nextId = 1;
  readonly #drainWindowMs: number;
  readonly #asked = new Map<number, (body: string | undefined) => void>();
  #onListening: () => void = () => {};
  #onRefused: (error: Error) => void = () => {};

  /** @param program the script of the command line; its hidden command `worker` is run. */
  constructor(program: string, start: WorkerStart) {
    this.#drainWindowMs = start.settings.drainWindowMs;
    this.#child = fork(program, ['worker'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.listening = new Promise((resolve, reject) => {
      this.#onListening = resolve;
      this.#onRefused = reject;
    });
    // Whoever waits for it gets the fault; nobody may be waiting when it comes.
    this.listening.catch(() => {});
    this.ended = new Promise((resolve) => {
      // Without a number the process could not be made, and no exit follows.
      this.#child.on('error', (error) => this.#child.pid ?? this.#end(error.message, resolve));
      this.#child.once('exit', (code, signal) => this.#end(code ?? signal ?? 'lost', resolve));
    });
    this.#child.on('message', (message: FromWorker) => this.#heard(message));
    this.#tell({ type: 'start', ...start });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Takes clients, as far as it was heard lately. */
  get ready(): boolean {
    return !this.#draining && this.pulse?.health.ready === true && this.#missed <= readyPulses;
  }

  /**
   * Called once a pulse; answers how many have not come since it was last heard. Counted and not timed: after the machine has
   * slept, or this process was stopped, nobody has missed anything.
   */
  missPulse(): number {
    return ++this.#missed;
  }

  /** Its metrics as text; undefined when it does not answer in time. */
  metrics(timeoutMs: number): Promise<string | undefined> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const answered = (body: string | undefined) => {
        clearTimeout(timer);
        this.#asked.delete(id);
        resolve(body);
      };
      const timer = setTimeout(() => answered(undefined), timeoutMs);
      this.#asked.set(id, answered);
      this.#tell({ type: 'metrics', id });
    });
  }

  /** Sends its clients away over the drain window. Resolves when it has ended. */
  async drain(reason: string): Promise<void> {
    this.#draining = true;
    this.#tell({ type: 'drain', reason });
    const timer = setTimeout(() => this.kill(), this.#drainWindowMs + drainPatienceMs);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #heard(message: FromWorker): void {
    this.#missed = 0;
    if (message.type === 'pulse') this.pulse = message;
    else if (message.type === 'listening') this.#onListening();
    else if (message.type === 'failed') this.#onRefused(new StartError(message.message));
    else this.#asked.get(message.id)?.(message.body);
  }

  #end(outcome: number | string, ended: (outcome: number | string) => void): void {
    this.#onRefused(new StartError(`A worker ended with ${outcome} before it listened.`));
    for (const answered of [...this.#asked.values()]) answered(undefined);
    ended(outcome);
  }

  #tell(message: ToWorker): void {
    // Its end is noticed by `exit`; what cannot be said to it any more is not worth a fault.
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}
