// The roster over a bus that loses and a directory that goes away: whatever happens, in the end all nodes know the same.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { InProcessHub } from '../../../server/bus/index.ts';
import { Roster } from '../../../server/domain/roster.ts';
import { RosterNetwork } from '../../support/roster-network.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { log } from '../session/recording-socket.ts';

let network: RosterNetwork;
beforeEach(() => {
  network = new RosterNetwork();
});
afterEach(() => {
  network.close();
  vi.restoreAllMocks();
});

async function two(): Promise<[string, string]> {
  const nodes: [string, string] = [network.start(), network.start()];
  await network.clock.pass(100);
  return nodes;
}

describe('facts', () => {
  test('are known to their node at once and to the others a moment later, with their owner', async () => {
    const [a, b] = await two();
    network.roster(a).set('t', 'k', 1);
    network.roster(b).set('t', 'k', 2);
    expect(network.roster(a).facts('t', 'k')).toEqual(new Map([[a, 1]]));
    await network.clock.pass(100);
    for (const node of [a, b]) expect(new Map(network.roster(node).facts('t', 'k'))).toEqual(new Map([[a, 1], [b, 2]])); // biome-ignore format: one map
    network.roster(a).delete('t', 'k');
    await network.clock.pass(100);
    expect(network.known(b)).toEqual([`${b} k 2`]);
    expect(network.known(a)).toEqual([`${b} k 2`]);
  });

  test('listeners of their table are told after every change, with the facts after it', async () => {
    const [a, b] = await two();
    const told: string[] = [];
    network.roster(b).onChange('t', (key, facts) => told.push(`${key} ${[...facts.values()]}`));
    network.roster(b).onChange('other', () => told.push('other'));
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    network.roster(b).set('t', 'k', 2);
    network.roster(b).delete('t', 'k');
    network.roster(b).delete('t', 'k');
    network.roster(a).delete('t', 'k');
    await network.clock.pass(100);
    expect(told).toEqual(['k 1', 'k 1,2', 'k 1', 'k ']);
  });

  test('many changes of one turn are one flush, of each key the last', async () => {
    const [a, b] = await two();
    let changes = 0;
    network.roster(b).onChange('t', () => changes++);
    for (let i = 0; i < 100; i++) network.roster(a).set('t', `k${i % 10}`, i);
    await network.clock.pass(100);
    expect(changes).toBe(10);
    expect(network.known(b)).toEqual(network.known(a));
  });

  test('thousands of them arrive, in pieces', async () => {
    const [a, b] = await two();
    for (let i = 0; i < 5_000; i++) network.roster(a).set('t', `k${i}`, `value ${i} ${'x'.repeat(20)}`);
    await network.clock.pass(100);
    expect(network.known(b)).toHaveLength(5_000);
    expect(network.known(b)).toEqual(network.known(a));
  });

  test('a listener that throws keeps nothing from the others, from the bus or from a page', async () => {
    const [a, b] = await two();
    const told: string[] = [];
    const listen = (node: string) => {
      network.roster(node).onChange('t', () => {
        throw new Error('a listener');
      });
      network.roster(node).onChange('t', (key, facts) => told.push(`${node} ${key} ${[...facts.values()]}`));
    };
    listen(b);
    network.roster(a).set('t', 'k', 1);
    network.roster(a).set('t', 'l', 2);
    await network.clock.pass(100);
    const c = network.start();
    listen(c);
    await network.clock.pass(2_000);
    expect(told).toEqual([`${b} k 1`, `${b} l 2`, `${c} k 1`, `${c} l 2`]);
    expect(network.roster(c).settled).toBe(true);
  });
});

describe('nodes', () => {
  test('one that starts later loads what the others have said, and is not settled before', async () => {
    const a = network.start();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    const b = network.start();
    expect(network.roster(b).settled).toBe(false);
    await network.clock.pass(2_000);
    expect(network.known(b)).toEqual([`${a} k 1`]);
    expect(network.roster(b).settled).toBe(true);
  });

  test('of one that says goodbye the facts stay for 5 s; of one that dies until it is taken for dead', async () => {
    const [a, b] = await two();
    const c = network.start();
    network.roster(b).set('t', 'k', 1);
    network.roster(c).set('t', 'k', 2);
    await network.clock.pass(2_000);
    await network.leave(b);
    network.kill(c);
    await network.clock.pass(4_900);
    expect(network.known(a)).toHaveLength(2);
    await network.clock.pass(200);
    expect(network.known(a)).toEqual([`${c} k 2`]);
    await network.clock.pass(15_000);
    expect(network.known(a)).toEqual([]);
    expect(network.roster(a).settled).toBe(true);
    expect(network.roster(a).knows(c)).toBe(false);
  });

  test('after the end nothing is read any more, whatever is still heard', async () => {
    const [a, b] = await two();
    const directory = network.nodes.get(b)?.directory;
    const closed = network.roster(b).close();
    await network.clock.pass(100);
    await closed;
    const loads = vi.spyOn(directory as NonNullable<typeof directory>, 'load').mockClear();
    network.roster(a).set('t', 'k', 1);
    network.roster(b).lost(a);
    network.roster(b).nodeChanged('another', 'joined');
    await network.clock.pass(60_000);
    expect(loads).not.toHaveBeenCalled();
    expect(network.roster(b).stats().nodes).toBe(0);
  });

  test('one that died before is followed only as long as its page is there', async () => {
    const a = network.start();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    network.kill(a);
    const b = network.start();
    await network.clock.pass(2_000);
    expect(network.known(b)).toEqual([`${a} k 1`]);
    await network.clock.pass(20_000);
    expect(network.known(b)).toEqual([]);
    expect(network.roster(b).settled).toBe(true);
  });
});

describe('a question', () => {
  test('is answered by all who live, with what they say now, heard before or not', async () => {
    const [a, b] = await two();
    const dead = network.start();
    for (const node of [a, dead]) network.roster(node).set('t', 'k', 1);
    network.roster(a).set('t', 'taken back', 1);
    await network.clock.pass(2_000);
    network.kill(dead);
    network.deafen(a, b);
    network.roster(a).set('t', 'k', 2);
    network.roster(a).delete('t', 'taken back');
    await network.clock.pass(10);
    network.hear();
    const told: string[] = [];
    network.roster(b).onChange('t', (key, facts) => told.push(`${key} ${[...facts.values()].toSorted()}`));
    const question = network.roster(b).confirm('t', 'k');
    expect(network.roster(b).confirm('t', 'taken back')).toBe(question);
    expect([a, b, dead].map((node) => network.roster(b).hasConfirmed(node, question))).toEqual([false, true, false]);
    await network.clock.pass(20);
    expect([a, b, dead].map((node) => network.roster(b).hasConfirmed(node, question))).toEqual([true, true, false]);
    expect(told).toEqual(['k 1,2', 'taken back ']);
    expect(network.roster(b).hasConfirmed(a, network.roster(b).confirm('t', 'k'))).toBe(false);
  });

  test('about many keys is several', async () => {
    const [a, b] = await two();
    for (let i = 0; i < 250; i++) network.roster(a).set('t', `k${i}`, i);
    await network.clock.pass(100);
    const questions = Array.from({ length: 250 }, (_, i) => network.roster(b).confirm('t', `k${i}`));
    expect(new Set(questions).size).toBe(3);
    await network.clock.pass(50);
    expect(questions.every((question) => network.roster(b).hasConfirmed(a, question))).toBe(true);
    expect(network.known(b)).toHaveLength(250);
  });
});

describe('losses', () => {
  test('many a second are one load a second, and the last of them is not forgotten', async () => {
    const [a, b] = await two();
    await network.clock.pass(2_000);
    const directory = network.nodes.get(b)?.directory;
    const loads = vi.spyOn(directory as NonNullable<typeof directory>, 'load');
    const renewals = vi.spyOn(directory as NonNullable<typeof directory>, 'renew');
    for (let i = 0; i < 395; i++) {
      network.roster(b).lost(i % 2 ? a : undefined);
      await network.clock.pass(10);
    }
    expect(loads.mock.calls).toEqual([[a], [a], [a], [a]]);
    expect(renewals.mock.calls.length).toBeLessThanOrEqual(6);
    expect(network.roster(b).settled).toBe(false);
    await network.clock.pass(1_000);
    expect(network.roster(b).settled).toBe(true);
    expect(loads).toHaveBeenCalledTimes(5);
  });

  test('a fact whose event was lost is loaded when the loss is noticed', async () => {
    const [a, b] = await two();
    network.deafen(a, b);
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    network.hear();
    expect(network.known(b)).toEqual([]);
    await network.clock.pass(2_000);
    expect(network.known(b)).toEqual([`${a} k 1`]);
  });

  test('while the bus is not up nothing is taken away, and nobody is settled', async () => {
    const [a, b] = await two();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    const settled: boolean[] = [];
    network.roster(b).onSettled(() => settled.push(network.roster(b).settled));
    network.turn(b, 'down');
    network.kill(a);
    await network.clock.pass(60_000);
    expect(network.known(b)).toEqual([`${a} k 1`]);
    expect(network.roster(b).settled).toBe(false);
    network.turn(b, 'up');
    await network.clock.pass(30_000);
    expect(network.known(b)).toEqual([]);
    expect(settled).toEqual([true]);
  });

  test('who said goodbye while nobody could be heard is taken away when the bus is up again', async () => {
    const [a, b] = await two();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    await network.leave(a);
    await network.clock.pass(100);
    network.turn(b, 'suspect');
    await network.clock.pass(10_000);
    expect(network.known(b)).toEqual([`${a} k 1`]);
    network.turn(b, 'up');
    expect(network.known(b)).toEqual([]);
    expect(network.roster(b).settled).toBe(true);
  });

  test('Redis comes back empty: nothing is taken away, until everybody has said everything again', async () => {
    const [a, b] = await two();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    let changes = 0;
    network.roster(b).onChange('t', () => changes++);
    network.redis('out');
    network.roster(a).set('t', 'new', 2);
    await network.clock.pass(10_000);
    network.redis('back');
    await network.clock.pass(10_000);
    expect(network.known(b)).toEqual([`${a} k 1`, `${a} new 2`]);
    expect(changes).toBe(1);
    expect(network.roster(b).settled).toBe(true);
  });

  test('a page that was lost alone is written again, and nobody misses it meanwhile', async () => {
    const [a, b] = await two();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    let changes = 0;
    network.roster(b).onChange('t', () => changes++);
    network.pages.byNode.clear();
    network.roster(b).lost(undefined);
    await network.clock.pass(20);
    expect(network.roster(b).settled).toBe(false);
    await network.clock.pass(6_000);
    expect(network.roster(b).settled).toBe(true);
    const c = network.start();
    await network.clock.pass(2_000);
    expect(network.known(c)).toEqual([`${a} k 1`]);
    expect(changes).toBe(0);
  });

  test('what was heard before a page was read is not applied after it', async () => {
    const [a, b] = await two();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(3);
    network.pages.delayMs = 100;
    network.roster(b).lost(a);
    network.pages.delayMs = 1;
    await network.clock.pass(10);
    expect(network.known(b)).toEqual([`${a} k 1`]);
    network.deafen(a, b);
    network.roster(a).set('t', 'k', 2);
    await network.clock.pass(10);
    network.roster(b).lost(a);
    await network.clock.pass(1_300);
    expect(network.known(b)).toEqual([`${a} k 2`]);
  });

  test('a fact that could not be written is in the page as soon as one can be', async () => {
    const [a, b] = await two();
    network.pages.out = true;
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(50);
    expect(network.known(b)).toEqual([`${a} k 1`]);
    network.pages.out = false;
    await network.clock.pass(2_000);
    const c = network.start();
    await network.clock.pass(2_000);
    expect(network.known(c)).toEqual([`${a} k 1`]);
  });

  test('who has loaded a page that lacks something loads it again when it is whole', async () => {
    const [a, b] = await two();
    vi.spyOn(Math, 'random').mockReturnValue(0.9);
    network.pages.out = true;
    network.deafen(a, b);
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(50);
    network.hear();
    await network.clock.pass(2_000);
    network.pages.out = false;
    network.roster(b).lost(a);
    await network.clock.pass(50);
    expect(network.known(b)).toEqual([]);
    await network.clock.pass(1_500);
    expect(network.known(b)).toEqual([`${a} k 1`]);
  });

  test('a frame that no node writes changes nothing', async () => {
    const [a, b] = await two();
    network.roster(a).set('t', 'k', 1);
    await network.clock.pass(100);
    for (const bytes of [[], [0xc1], [0x90], [0x91, 0x63], [0x01]]) network.roster(b).heard(a, Uint8Array.from(bytes));
    expect(network.known(b)).toEqual([`${a} k 1`]);
  });
});

describe('without a directory', () => {
  test('nodes of one process tell each other, those that start later too', async () => {
    const clock = new VirtualClock();
    const hub = new InProcessHub();
    const turns = async (ms = 10) => {
      for (let i = 0; i < 10; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        await clock.pass(ms);
      }
    };
    const start = (node: string) => {
      const bus = hub.connect(node);
      const roster = new Roster({ bus, directory: undefined, log, clock });
      bus.onEvents = (origin, events) => {
        for (const { frame } of events) roster.heard(origin, frame);
      };
      bus.onNode = (other, change) => roster.nodeChanged(other, change);
      return { bus, roster };
    };
    const a = start('a');
    expect(a.roster.settled).toBe(true);
    a.roster.set('t', 'k', 1);
    await turns();
    const b = start('b');
    await turns();
    expect(b.roster.facts('t', 'k')).toEqual(new Map([['a', 1]]));
    expect([a.roster.settled, b.roster.settled]).toEqual([true, true]);
    b.roster.set('t', 'k', 2);
    await turns();
    expect(a.roster.facts('t', 'k').get('b')).toBe(2);
    await b.bus.close();
    await turns(1_000);
    expect(a.roster.facts('t', 'k')).toEqual(new Map([['a', 1]]));
  });

  test('what was lost is asked for', async () => {
    const nodes = [network.start(false), network.start(false)] as const;
    await network.clock.pass(3_000);
    network.deafen(nodes[0], nodes[1]);
    network.roster(nodes[0]).set('t', 'k', 1);
    await network.clock.pass(100);
    network.hear();
    await network.clock.pass(5_000);
    expect(network.known(nodes[1])).toEqual([`${nodes[0]} k 1`]);
    expect(network.roster(nodes[1]).settled).toBe(true);
  });
});

type Step =
  | { do: 'set' | 'delete'; node: number; key: number; value: number }
  | { do: 'deafen' | 'down' | 'suspect' | 'up' | 'kill' | 'leave'; node: number; other: number }
  | { do: 'hear' | 'out' | 'stuck' | 'back' | 'wipe' | 'start' }
  | { do: 'pass' | 'slow'; ms: number };

const small = fc.nat(3);
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constantFrom('set' as const, 'delete' as const), node: small, key: fc.nat(5), value: fc.nat(9) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('deafen' as const, 'down' as const, 'suspect' as const, 'up' as const),
        node: small,
        other: small,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'leave' as const), node: small, other: small }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom('hear' as const, 'out' as const, 'stuck' as const, 'back' as const, 'wipe' as const, 'start' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('slow' as const), ms: fc.constantFrom(1, 20, 500) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 3, 10, 300, 3_000, 16_000, 25_000) }) },
  ),
  { maxLength: 40, size: 'max' },
);

describe('whatever happens', () => {
  test.each([[true], [false]])(
    'with a directory: %s; in the end all nodes know what the live ones say, and are settled',
    async (withDirectory) => {
      await fc.assert(
        fc.asyncProperty(steps, async (script) => {
          const run = new Run(withDirectory);
          for (const step of script) await run.take(step as Step);
          await run.heal();
          const { network: after, said } = run;
          const expected = [...said]
            .filter(([name]) => after.nodes.has(name.split(' ')[0] as string))
            .map(([name, value]) => `${name} ${value}`);
          for (const node of after.nodes.keys()) {
            expect(after.known(node)).toEqual(expected.toSorted());
            expect(after.roster(node).settled).toBe(true);
          }
          after.close();
        }),
        { numRuns: 50, endOnFailure: true },
      );
    },
    60_000,
  );
});

class Run {
  readonly network = new RosterNetwork();
  /** `node key` → value. */
  readonly said = new Map<string, number>();
  readonly #withDirectory: boolean;

  constructor(withDirectory: boolean) {
    this.#withDirectory = withDirectory;
    this.network.start(withDirectory);
    this.network.start(withDirectory);
  }

  async take(step: Step): Promise<void> {
    const { network } = this;
    const node = (place: number) => [...network.nodes.keys()][place % network.nodes.size] as string;
    switch (step.do) {
      case 'set':
      case 'delete': {
        const name = `${node(step.node)} k${step.key}`;
        const roster = network.roster(node(step.node));
        if (step.do === 'set') {
          this.said.set(name, step.value);
          roster.set('t', `k${step.key}`, step.value);
        } else {
          this.said.delete(name);
          roster.delete('t', `k${step.key}`);
        }
        return;
      }
      case 'deafen':
        network.deafen(node(step.node), node(step.other));
        return;
      case 'down':
      case 'suspect':
      case 'up':
        network.turn(node(step.node), step.do);
        return;
      case 'kill':
      case 'leave':
        if (network.nodes.size > 1) await network[step.do](node(step.node));
        return;
      case 'start':
        // Without Redis a node has nobody to start with.
        if (network.nodes.size < 4 && !network.pages.out) network.start(this.#withDirectory);
        return;
      case 'wipe':
        network.pages.byNode.clear();
        return;
      case 'out':
      case 'back':
        network.redis(step.do);
        return;
      case 'stuck':
        // The bus is heard, and pages are neither written nor read.
        network.pages.out = true;
        return;
      case 'slow':
        network.pages.delayMs = step.ms;
        return;
      case 'hear':
        network.hear();
        return;
      case 'pass':
        await network.clock.pass(step.ms);
    }
  }

  async heal(): Promise<void> {
    this.network.hear();
    this.network.redis('back');
    await this.network.clock.pass(60_000);
  }
}
