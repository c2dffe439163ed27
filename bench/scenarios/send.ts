// Stored and acked messages: 100 connections, two in each of 50 conversations, five sends in flight each, everything on.
// Afterwards every ack, every delivery and the whole log of every conversation are compared.

import { type Row, ratioRows } from '../report.ts';
import type { System } from '../systems/system.ts';
import { alternate, latencyRows, rateRows, takeRound } from './round.ts';
import { type Equipment, type Findings, profile, type Scenario, text } from './scenario.ts';

const connections = 100;
const conversations = 50;
const inFlight = 5;
const params = { connections, in_flight: inFlight, subscribers: 2, burst: 0, bytes: text.length, profile };
const idleParams = { ...params, in_flight: 1, variant: 'one sender' };
const unstoredParams = { ...params, variant: 'no store' };

export const send: Scenario = {
  summary: 'stored and acked messages per second and their latency, under load and one at a time',
  async run(equipment): Promise<Findings> {
    const utalk = await equipment.utalk();
    const ceiling = await equipment.ceiling('store');
    const raw = await equipment.ceiling('raw');
    await prepare(equipment, 'utalk', utalk);
    await prepare(equipment, 'ceiling', ceiling);
    await prepare(equipment, 'raw', raw);
    const idle = await measureIdle(equipment, utalk, ceiling);
    const loaded = await measureLoaded(equipment, utalk, ceiling);
    const unstored = await measureUnstored(equipment, raw);
    const verdicts = [
      { system: 'utalk', verdict: await equipment.generator.ask('verify', { fleet: 'utalk', withLog: true }) },
      { system: 'ceiling', verdict: await equipment.generator.ask('verify', { fleet: 'ceiling', withLog: false }) },
    ];
    for (const fleet of ['utalk', 'ceiling', 'raw']) await equipment.generator.ask('close', { fleet });
    return { rows: [...loaded, ...idle, ...unstored], verdicts };
  },
};

async function prepare({ generator, users }: Equipment, fleet: string, system: System): Promise<void> {
  const { ids, tokens } = await users('send', connections);
  const conversationIds = Array.from({ length: conversations }, (_, i) => `bench-send-${i}`);
  await generator.ask('open', { fleet, targets: [system.target], tokens, parallel: 10 });
  const planned = conversationIds.map((id, creator) => ({ creator, id, members: [ids[creator + conversations] as string] }));
  await generator.ask('create', { fleet, conversations: planned });
  await generator.ask('join', { fleet, conversationIds, from: 0 });
}

async function measureLoaded(equipment: Equipment, utalk: System, ceiling: System): Promise<Row[]> {
  const times = equipment.quick ? { warmUpMs: 300, measureMs: 500 } : { warmUpMs: 1_500, measureMs: 5_000 };
  const take = (fleet: string, system: System) => () =>
    takeRound(equipment, system, times, () => equipment.generator.ask('sustain', { fleet, senders: connections, inFlight, text }));
  const rounds = await alternate(equipment.quick ? 2 : 3, { utalk: take('utalk', utalk), ceiling: take('ceiling', ceiling) });
  const rates = rateRows('send', 'utalk', params, 'acked_per_s', rounds.utalk);
  const ceilingRates = rateRows('send', 'ceiling', params, 'acked_per_s', rounds.ceiling);
  return [
    ...rates,
    ...latencyRows('send', 'utalk', params, rounds.utalk),
    ...ceilingRates,
    ...latencyRows('send', 'ceiling', params, rounds.ceiling),
    ...ratioRows(rates, ceilingRates),
  ];
}

async function measureIdle(equipment: Equipment, utalk: System, ceiling: System): Promise<Row[]> {
  const times = equipment.quick ? { warmUpMs: 100, measureMs: 300 } : { warmUpMs: 500, measureMs: 2_000 };
  const take = (fleet: string, system: System) => () =>
    takeRound(equipment, system, times, () => equipment.generator.ask('sustain', { fleet, senders: 1, inFlight: 1, text }));
  const rounds = await alternate(equipment.quick ? 1 : 3, { utalk: take('utalk', utalk), ceiling: take('ceiling', ceiling) });
  return [...latencyRows('send', 'utalk', idleParams, rounds.utalk), ...latencyRows('send', 'ceiling', idleParams, rounds.ceiling)];
}

/** How much the generator itself can do: the same frames, acked and published without a store. */
async function measureUnstored(equipment: Equipment, raw: System): Promise<Row[]> {
  const times = equipment.quick ? { warmUpMs: 100, measureMs: 300 } : { warmUpMs: 1_000, measureMs: 3_000 };
  const round = await takeRound(equipment, raw, times, () =>
    equipment.generator.ask('sustain', { fleet: 'raw', senders: connections, inFlight, text }),
  );
  return rateRows('send', 'ceiling', unstoredParams, 'acked_per_s', [round]);
}
