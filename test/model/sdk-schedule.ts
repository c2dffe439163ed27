// One random schedule of the SDK over the memory server: two people write, leave and come back while wires break, frames are
// lost, doubled and reordered, the server refuses, moves and dies, and pages are reloaded. At the end everything written is
// stored once, and every view holds each item once, in order.

import fc from 'fast-check';
import type { Entry, ViewEntry } from '../../client-sdk/index.ts';
import { MemoryServer } from '../../client-sdk/testing/index.ts';
import { conversations, Person, type Tab } from './sdk-person.ts';

const people = ['ana', 'luis'] as const;

const acts = [
  ...(['say', 'say', 'say', 'say', 'pause', 'pause', 'wait'] as const),
  ...(['break', 'unplug', 'silence', 'reload', 'tab', 'restart', 'shutdown', 'leave', 'join'] as const),
  ...(['loseAck', 'losePush', 'double', 'overtake', 'delay', 'refuse'] as const),
];

/** What happens, to whom, and how much of it. */
export interface Step {
  act: (typeof acts)[number];
  who: number;
  much: number;
}

export interface Schedule {
  seed: number;
  steps: readonly Step[];
  /** Nothing helps: no page asks for a conversation beforehand, and no last entry tells of what is missing. */
  bare: boolean;
}

export const schedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
  bare: fc.boolean(),
  steps: fc.array(fc.record({ act: fc.constantFrom(...acts), who: fc.nat({ max: 3 }), much: fc.nat({ max: 4_000 }) }), { maxLength: 40 }),
});

/** Lost answers and refusals of one schedule: below what makes a client give a message up. */
const maxRefusals = 3;

class Run {
  readonly server: MemoryServer;
  readonly #people: Person[];
  readonly #isBare: boolean;
  #refusals = 0;

  constructor({ seed, bare }: Schedule) {
    this.server = new MemoryServer({ seed });
    this.#isBare = bare;
    for (const id of conversations) this.server.conversation(id, [...people, 'eva']);
    this.#people = people.map((userId) => new Person(userId, this.server, bare));
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#do(step);
      await this.server.clock.advance(step.act === 'wait' ? step.much : step.much % 40);
    }
    await this.#heal();
    this.#check();
  }

  #do({ act, who, much }: Step): void {
    const { server } = this;
    const person = this.#people[who % 2] as Person;
    if (act === 'say') {
      // Several at once: one that is refused has others behind it on their way.
      for (let count = 1 + (much % 4); count > 0; count--) person.say(conversations[who >> 1] as string, much);
    } else if (act === 'leave') person.leave(conversations[who >> 1] as string, much);
    else if (act === 'join') for (const tab of person.tabs) person.rejoin(tab);
    else if (act === 'break') person.device.break();
    else if (act === 'silence') person.device.silence();
    else if (act === 'unplug') {
      person.device.cut();
      server.clock.setTimeout(() => person.device.mend(), much);
    } else if (act === 'reload') person.reload();
    else if (act === 'tab') person.another();
    else if (act === 'restart') server.restart({ downMs: much });
    else if (act === 'shutdown') server.shutdown({ windowMs: much });
    else this.#spoil(act, much);
  }

  #spoil(act: Step['act'], much: number): void {
    const { faults } = this.server;
    const times = 1 + (much % 3);
    // Only what comes behind it tells of a lost push; at the end of a bare schedule nothing does.
    if (act === 'losePush' && !this.#isBare) faults.next({ name: 'message:new' }, 'drop', times);
    else if (act === 'double') faults.next({ from: much % 2 === 0 ? 'client' : 'server' }, 'duplicate', times);
    else if (act === 'overtake') faults.next({ from: 'server' }, { delayMs: much % 500, overtaken: true }, times);
    else if (act === 'delay') faults.next({}, { delayMs: much % 500 }, times);
    if (this.#refusals >= maxRefusals || !['loseAck', 'refuse'].includes(act)) return;
    this.#refusals++;
    if (act === 'loseAck') faults.loseAcks();
    else this.#refuseOnce(much);
  }

  #refuseOnce(much: number): void {
    const { server } = this;
    server.script = ({ name }) => {
      if (name !== 'message:send') return undefined;
      server.script = () => undefined;
      return { error: { code: much % 2 === 0 ? 'UNAVAILABLE' : 'RATE_LIMIT_EXCEEDED', retryAfterMs: much % 300 } };
    };
  }

  /** Everything works again, until nothing is on its way; then one more entry, if any, so that a hole at the very end shows. */
  async #heal(): Promise<void> {
    const { server } = this;
    server.faults.clear();
    server.script = () => undefined;
    for (const person of this.#people) {
      person.device.mend();
      for (const tab of person.tabs) person.rejoin(tab);
    }
    const tabs = this.#people.flatMap((person) => person.tabs);
    const isWhole = ({ client }: Tab) => client.state === 'live' && conversations.every((id) => client.conversation(id).joined);
    const whole = () => tabs.every(isWhole) && !this.#people.some(({ isUnsent }) => isUnsent);
    await server.clock.until(whole, 900_000);
    for (const id of this.#isBare ? [] : conversations) server.say('eva', id, 'the end');
    const complete = () =>
      tabs.every(({ client }) => conversations.every((id) => client.conversation(id).position === server.log(id).length));
    await server.clock.until(() => whole() && complete(), 900_000);
  }

  #check(): void {
    for (const person of this.#people) {
      must(person.faults.length === 0, person.faults.join('; '));
      this.#checkDrafts(person);
      for (const tab of person.tabs) for (const id of conversations) this.#checkView(person.userId, tab, id);
    }
    must(this.server.violations.length === 0, this.server.violations.join('; '));
  }

  /** Each draft once; those of one sender in one conversation in the order they were written. */
  #checkDrafts({ userId, drafts, tabs, mixed }: Person): void {
    for (const id of conversations) {
      const stored = this.server.log(id).filter(({ sender }) => sender === userId);
      const written = drafts.filter(({ conversationId }) => conversationId === id);
      for (const { sent, excused } of written) {
        const count = stored.filter(({ messageId }) => messageId === sent.messageId).length;
        must(count === 1 || (excused && count === 0), `${sent.messageId} of ${userId} is stored ${count} times in ${id}`);
        must(sent.status !== 'failed', `${sent.messageId} of ${userId} was given up`);
      }
      const ids = stored.map(({ messageId }) => messageId);
      must(
        new Set([...ids, ...written.map(({ sent }) => sent.messageId)]).size === written.length,
        `${id} holds what ${userId} never wrote`,
      );
      for (const tab of mixed ? tabs : [undefined]) {
        const own = written.filter((draft) => tab === undefined || draft.tab === tab);
        const places = own.map(({ sent }) => ids.indexOf(sent.messageId)).filter((place) => place >= 0);
        const isRising = places.every((place, i) => i === 0 || place > (places[i - 1] as number));
        must(isRising, `what ${userId} wrote in ${id} is out of order: ${places}`);
      }
    }
  }

  /** The view is the end of the log, and what was announced is a part of it, each once, without a hole. */
  #checkView(userId: string, tab: Tab, id: string): void {
    const log = this.server.log(id);
    const { entries } = tab.client.conversation(id);
    const isShown = entries.length > 0 || log.length === 0;
    must(same(entries, log.slice(log.length - entries.length)) && isShown, `the view of ${userId} of ${id} is not the log`);
    const announced = tab.announced.get(id) as Entry[];
    const first = announced[0]?.seq ?? 0;
    must(
      announced.length === 0 || same(announced, log.slice(first - 1, first - 1 + announced.length)),
      `what ${userId} heard of ${id} is not the log`,
    );
    const last = announced.at(-1);
    must(this.#isBare ? !last || last.seq === log.length : last?.text === 'the end', `${userId} did not hear the end of ${id}`);
  }

  close(): void {
    for (const { client } of this.#people.flatMap(({ tabs }) => tabs)) client.close();
  }
}

function same(some: readonly ViewEntry[], others: readonly Entry[]): boolean {
  return some.length === others.length && some.every(({ id, seq }, i) => id === others[i]?.id && seq === others[i]?.seq);
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** Lines of the story in the message of a failure. */
const toldLines = 80;

/**
 * Runs one schedule.
 * @param prepare changes the server before anything happens: a fault that must be found
 * @returns what happened on the wires, one line a frame
 * @throws Error with the story, when something was lost, doubled or out of order
 */
export async function runSchedule(schedule: Schedule, prepare: (server: MemoryServer) => void = () => {}): Promise<string[]> {
  const run = new Run(schedule);
  prepare(run.server);
  try {
    await run.play(schedule.steps);
    run.close();
    return run.server.recorder.words();
  } catch (error) {
    const story = run.server.recorder.words(toldLines).join('\n');
    throw new Error(`${(error as Error).message}\nrunSchedule(${JSON.stringify(schedule)})\n${story}`);
  }
}
