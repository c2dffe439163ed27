// Says what this node's facts are: to the directory first, then to the bus. Whoever loads the page after hearing an event finds
// it in there, so a page never takes back what was heard before it was asked for.
//
// One step at a time: what changes meanwhile is gathered and goes with the next one.

import type { Logger } from 'pino';
import { type Bus, busKinds } from '../../bus/index.ts';
import type { Fact, RosterDirectory } from '../../state/index.ts';
import type { Clock } from '../clock.ts';
import { anewFrame, completeFrame, factFrames } from './frames.ts';

export interface AnnouncerOptions {
  bus: Bus;
  directory: RosterDirectory | undefined;
  log: Logger;
  clock: Clock;
  /** All facts of this node now. */
  page: () => Fact[];
}

const retryMs = 1_000;

export class Announcer {
  readonly #options: AnnouncerOptions;
  #changed = new Map<string, Fact>();
  #checkDue = false;
  #anewDue = false;
  /** The page in the directory lacks something; until it is made anew, writing changes to it is of no use. */
  #pageLacks = true;
  #running: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  changed(fact: Fact): void {
    this.#changed.set(`${fact.table}\0${fact.key}`, fact);
    this.#start();
  }

  /** Renews the lease of the page, and makes the page anew when it is gone. */
  check(): void {
    this.#checkDue = true;
    this.#start();
  }

  /** Says everything once more. */
  anew(): void {
    this.#anewDue = true;
    this.#start();
  }

  #start(): void {
    if (this.#running || this.#closed) return;
    this.#running = new Promise<void>((resolve) => this.#options.clock.soon(resolve)).then(() => this.#run());
  }

  async #run(): Promise<void> {
    while (!this.#closed && (this.#checkDue || this.#anewDue || this.#changed.size > 0)) {
      if (this.#checkDue) await this.#check();
      else if (this.#anewDue) await this.#sayAnew();
      else await this.#sayChanges();
    }
    this.#running = undefined;
  }

  async #check(): Promise<void> {
    this.#checkDue = false;
    const { directory } = this.#options;
    if (!directory) return;
    try {
      if (this.#pageLacks || !(await directory.renew())) this.#anewDue = true;
    } catch (error) {
      this.#failed(error);
    }
  }

  async #sayAnew(): Promise<void> {
    this.#anewDue = false;
    this.#changed.clear();
    const { directory } = this.#options;
    const page = this.#options.page();
    if (!directory) {
      this.#publish(() => [anewFrame(), ...factFrames(page), completeFrame()]);
      return;
    }
    try {
      await directory.replace(page);
      this.#pageLacks = false;
    } catch (error) {
      this.#failed(error);
      // Whoever hears us still learns what there is; who lost it waits for the page.
      this.#publish(() => factFrames(page));
      return;
    }
    this.#publish(() => [anewFrame()]);
  }

  async #sayChanges(): Promise<void> {
    const facts = [...this.#changed.values()];
    this.#changed.clear();
    if (!this.#pageLacks)
      await this.#options.directory?.write(facts).catch((error: unknown) => {
        this.#failed(error);
      });
    this.#publish(() => factFrames(facts));
  }

  /** Nothing is encoded while nobody can hear it. */
  #publish(frames: () => readonly Uint8Array[]): void {
    const { bus } = this.#options;
    if (bus.remote)
      bus.publish(
        0,
        frames().map((frame) => ({ kind: busKinds.roster, key: 0, seq: 0, frame })),
      );
  }

  #failed(error: unknown): void {
    this.#pageLacks = true;
    this.#options.log.debug({ err: error }, 'the page of this node could not be written');
    this.#cancelRetry?.();
    this.#cancelRetry = this.#options.clock.later(() => this.check(), retryMs * (0.5 + Math.random() / 2));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#running;
    await this.#options.directory?.close();
  }
}
