// Resident memory per idle authenticated session: the slope between two numbers of sessions, so that what a process needs
// once is not divided among them. No collection is forced: garbage of the connects is counted as it would be in production.

import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../machine.ts';
import { present, type Row, row } from '../report.ts';
import type { System } from '../systems/system.ts';
import { type Equipment, type Findings, profile, type Scenario } from './scenario.ts';

export const memory: Scenario = {
  summary: 'resident memory of the server per idle authenticated session',
  async run(equipment): Promise<Findings> {
    const systems = [await equipment.utalk(), await equipment.ceiling('raw')];
    const rows: (Row | undefined)[] = [];
    for (const system of systems) rows.push(await measure(equipment, system));
    return { rows: present(rows), verdicts: [] };
  },
};

async function measure(equipment: Equipment, system: System): Promise<Row | undefined> {
  const [first, all] = equipment.quick ? [200, 1_000] : [1_000, 6_000];
  const { tokens } = await equipment.users('memory', all);
  const before = await openAndRest(equipment, system, tokens.slice(0, first));
  const after = await openAndRest(equipment, system, tokens.slice(first));
  await equipment.generator.ask('close', { fleet: system.name });
  const params = { connections: all - first, in_flight: 0, subscribers: 0, burst: 0, bytes: 0, profile };
  return row('memory', system.name, params, 'bytes_per_session', [(after - before) / (all - first)]);
}

async function openAndRest({ generator, quick }: Equipment, system: System, tokens: string[]): Promise<number> {
  await generator.ask('open', { fleet: system.name, targets: [system.target], tokens, parallel: 32 });
  await sleep(quick ? 300 : 3_000);
  return residentBytes(system.pid);
}
