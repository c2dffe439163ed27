// The client is killed at any moment, at any store operation, and another one begins over the same store: every message that
// the store has taken is stored by the server once, and shown once, in the order it was written.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client, ConversationHandle } from '../../../../client-sdk/index.ts';
import { Harness, sequence } from '../support/harness.ts';
import { Disk, DiskProcess } from './disk.ts';

interface Tab {
  client: Client;
  process: DiskProcess;
}

class Device {
  readonly harness = new Harness();
  readonly disk = new Disk(this.harness.clock);
  readonly tabs: Tab[] = [];
  readonly #withLocks: boolean;
  #opened = 0;

  constructor(withLocks: boolean) {
    this.#withLocks = withLocks;
    this.harness.server.logs.create('c', ['ana', 'luis']);
  }

  open(killAt: number, latencyMs: number): void {
    this.disk.latencyMs = latencyMs;
    const process = new DiskProcess(this.disk, this.#withLocks);
    const user = { tenantId: 'acme', userId: 'ana' };
    const { client } = this.harness.client('ana', { store: process.store(), user, random: sequence(++this.#opened) });
    const tab = { client, process };
    process.killAt = killAt;
    process.onKill = () => this.#died(tab);
    this.tabs.push(tab);
    client.connect().catch(() => {});
  }

  kill({ process }: Tab): void {
    process.kill();
  }

  /** A dead tab runs no code any more: nothing it does reaches anybody. */
  #died(tab: Tab): void {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    tab.client.close();
  }
}

const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('send' as const), tab: fc.nat({ max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.nat({ max: 400 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constant('open' as const), killAt: fc.integer({ min: 1, max: 60 }), latencyMs: fc.nat({ max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('kill' as const), tab: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('cut' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('loseAck' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('losePush' as const) }) },
);

async function run(steps: readonly Step[], withLocks: boolean): Promise<void> {
  const device = new Device(withLocks);
  const { harness, disk, tabs } = device;
  const { server, clock } = harness;
  server.aliveIntervalMs = 25_000;
  let written = 0;
  let together = false;
  device.open(Number.POSITIVE_INFINITY, 0);
  for (const step of steps) {
    const tab = tabs[('tab' in step ? step.tab : 0) % Math.max(1, tabs.length)];
    if (step.act === 'send' && tab) tab.client.conversation('c').send(`m${++written}`);
    else if (step.act === 'open' && tabs.length < 2) device.open(step.killAt, step.latencyMs);
    else if (step.act === 'kill' && tab) device.kill(tab);
    else if (step.act === 'cut') server.cut('ana');
    else if (step.act === 'loseAck') server.faults.loseAcks();
    else if (step.act === 'losePush') server.faults.next({ name: 'message:new' }, 'drop');
    together ||= tabs.length > 1;
    await clock.advance('ms' in step ? step.ms : 1);
  }
  // Four lost acknowledgements in a row would end a message.
  server.faults.clear();
  // What the disk has taken must not get lost any more.
  const kept = new Set(disk.kept('out|').map((value) => (value as { text: string }).text));
  for (const { process } of tabs) process.killAt = Number.POSITIVE_INFINITY;
  // Without locks nobody learns that a tab has died: the next page load finds what it left.
  if (!withLocks) for (const tab of [...tabs]) device.kill(tab);
  if (tabs.length === 0) device.open(Number.POSITIVE_INFINITY, 0);
  const [last] = tabs as [Tab];
  await clock.until(() => last.client.state === 'live' && tabs.every(({ client }) => client.unsent === 0), 600_000);
  await clock.until(() => disk.kept('out|').length === 0, 600_000);
  // One more, so that a push that was lost at the very end shows.
  server.say('luis', 'c', 'the end');
  await clock.advance(60_000);
  const stored = server.log('c').map(({ text }) => text as string);
  expect(new Set(stored).size).toBe(stored.length);
  for (const text of kept) expect(stored).toContain(text);
  const numbers = stored.filter((text) => text !== 'the end').map((text) => Number(text.slice(1)));
  if (!together) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  for (const { client } of tabs) expectShownOnce(client.conversation('c'), stored);
  harness.close();
}

function expectShownOnce({ entries }: ConversationHandle, stored: readonly string[]): void {
  expect(entries.map(({ text }) => text)).toEqual(stored);
  expect(entries.map(({ seq }) => seq)).toEqual(stored.map((_, i) => i + 1));
}

type Step = typeof act extends fc.Arbitrary<infer S> ? S : never;

test.each([
  ['with locks', true],
  ['without locks', false],
])(
  'killed anywhere, %s: every kept message is stored once and shown once',
  async (_name, withLocks) => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), (steps) => run(steps, withLocks)),
      { numRuns: 200 },
    );
  },
  60_000,
);
