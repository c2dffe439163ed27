// One conversation with 1,000 subscribers. utalk goes the whole way: message:send, checked, stored, numbered, published. The
// ceiling publishes bytes encoded beforehand, at once. Same sender, same subscribers, same windows.

import { type Row, ratioRows } from '../report.ts';
import type { System } from '../systems/system.ts';
import { alternate, rateRows, takeRound } from './round.ts';
import { type Equipment, type Findings, profile, type Scenario, text } from './scenario.ts';

const subscribers = 1_000;
const conversationId = 'bench-fanout';
/** Bursts under way at most: enough that a commit is hidden behind the publishing of the burst before. */
const shapes = [
  { burst: 10, window: 8 },
  { burst: 1, window: 8 },
] as const;

export const fanout: Scenario = {
  summary: 'deliveries per second to 1,000 subscribers, stored, against publishing alone',
  async run(equipment): Promise<Findings> {
    const utalk = await equipment.utalk();
    const ceiling = await equipment.ceiling('raw');
    await prepare(equipment, 'utalk', utalk);
    await prepare(equipment, 'ceiling', ceiling);
    const rows: Row[] = [];
    for (const shape of shapes) rows.push(...(await measure(equipment, utalk, ceiling, shape)));
    const verdicts = [
      { system: 'utalk', verdict: await equipment.generator.ask('verify', { fleet: 'utalk', withLog: true }) },
      { system: 'ceiling', verdict: await equipment.generator.ask('verify', { fleet: 'ceiling', withLog: false }) },
    ];
    for (const fleet of ['utalk', 'ceiling']) await equipment.generator.ask('close', { fleet });
    return { rows, verdicts };
  },
};

/** Session 0 sends and does not join; the others listen. */
async function prepare({ generator, users }: Equipment, fleet: string, system: System): Promise<void> {
  const { ids, tokens } = await users('fanout', subscribers + 1);
  await generator.ask('open', { fleet, targets: [system.target], tokens, parallel: 20 });
  await generator.ask('create', { fleet, conversations: [{ creator: 0, id: conversationId, members: ids.slice(1) }] });
  await generator.ask('join', { fleet, conversationIds: [conversationId], from: 1 });
}

async function measure(equipment: Equipment, utalk: System, ceiling: System, shape: (typeof shapes)[number]): Promise<Row[]> {
  const times = equipment.quick ? { warmUpMs: 400, measureMs: 500 } : { warmUpMs: 1_000, measureMs: 4_000 };
  const take = (fleet: string, system: System) => () =>
    takeRound(equipment, system, times, () => equipment.generator.ask('burst', { fleet, conversationId, text, shape }));
  const rounds = await alternate(equipment.quick ? 1 : 3, { utalk: take('utalk', utalk), ceiling: take('ceiling', ceiling) });
  const { burst, window } = shape;
  const params = { connections: subscribers + 1, in_flight: burst * window, subscribers, burst, bytes: text.length, profile };
  const rates = rateRows('fanout', 'utalk', params, 'deliveries_per_s', rounds.utalk);
  const ceilingRates = rateRows('fanout', 'ceiling', params, 'deliveries_per_s', rounds.ceiling);
  return [...rates, ...ceilingRates, ...ratioRows(rates, ceilingRates)];
}
