// Authenticated connects: TCP, upgrade, token in the first frame, auth reply. Once as a storm, once one after the other;
// users the server has never seen (a row is written) apart from those it knows.

import type { Opened } from '../load/fleet.ts';
import { present, type Row, row } from '../report.ts';
import type { System } from '../systems/system.ts';
import { latencyRows } from './round.ts';
import { type Equipment, type Findings, profile, type Scenario } from './scenario.ts';

/** Connects under way at once in a storm. */
const storm = 32;

/** What is opened in each round, in this order. */
const kinds = [
  { system: 'utalk', variant: 'new users', parallel: storm },
  { system: 'utalk', variant: 'known users', parallel: storm },
  { system: 'utalk', variant: 'known users', parallel: 1 },
  { system: 'ceiling', variant: 'no token check', parallel: storm },
  { system: 'ceiling', variant: 'no token check', parallel: 1 },
] as const;

export const connect: Scenario = {
  summary: 'authenticated connects per second, and the time from TCP connect to the auth reply',
  async run(equipment): Promise<Findings> {
    const systems = { utalk: await equipment.utalk(), ceiling: await equipment.ceiling('raw') };
    const taken = kinds.map((): Opened[] => []);
    for (let round = 0; round < (equipment.quick ? 1 : 3); round++) {
      for (const [index, { system, parallel }] of kinds.entries()) {
        taken[index]?.push(await openAndClose(equipment, systems[system], `connect-${round}`, countOf(equipment, parallel), parallel));
      }
    }
    return {
      rows: kinds.flatMap((kind, index) => rowsOf(kind, countOf(equipment, kind.parallel), taken[index] as Opened[])),
      verdicts: [],
    };
  },
};

function countOf({ quick }: Equipment, parallel: number): number {
  if (parallel === 1) return quick ? 100 : 500;
  return quick ? 400 : 3_000;
}

async function openAndClose(
  { generator, users }: Equipment,
  system: System,
  group: string,
  count: number,
  parallel: number,
): Promise<Opened> {
  const { tokens } = await users(group, count);
  const opened = await generator.ask('open', { fleet: 'connect', targets: [system.target], tokens, parallel });
  await generator.ask('close', { fleet: 'connect' });
  return opened;
}

function rowsOf({ system, variant, parallel }: (typeof kinds)[number], connections: number, opened: readonly Opened[]): Row[] {
  const params = { connections, in_flight: parallel, subscribers: 0, burst: 0, bytes: 0, profile, variant };
  const rates = opened.map(({ seconds }) => connections / seconds);
  const rate = parallel === 1 ? undefined : row('connect', system, params, 'connects_per_s', rates);
  return [...present([rate]), ...latencyRows('connect', system, params, opened)];
}
