// What the bus over Redis costs, on a Redis and nodes of its own: processes that publish as group commits do, and hear each
// other. node bench/bus.ts [--nodes 2,4] [--seconds 5]

import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RedisServer } from '../test/support/redis-server.ts';
import type { BusLoad, BusReport } from './bus-node.ts';

interface RedisCost {
  cpuUs: number;
  calls: ReadonlyMap<string, number>;
}

const idle = { label: 'idle', callsPerS: 100, eventsPerCall: 1 };
const loads = [
  idle,
  { label: '1,000 a second and node', callsPerS: 250, eventsPerCall: 4 },
  { label: '10,000 a second and node', callsPerS: 400, eventsPerCall: 25 },
  { label: 'as fast as it goes', callsPerS: 0, eventsPerCall: 50 },
];
const frameBytes = 150;

const { values } = parseArgs({ options: { nodes: { type: 'string', default: '1,2,4' }, seconds: { type: 'string', default: '5' } } });
const seconds = Number(values.seconds);

for (const nodes of values.nodes.split(',').map(Number)) {
  for (const { label, ...pace } of loads) await measure(nodes, label, { ...pace, frameBytes, seconds, peers: nodes - 1 });
}

async function measure(nodes: number, label: string, load: BusLoad): Promise<void> {
  const redis = await RedisServer.start();
  try {
    const children = Array.from({ length: nodes }, () =>
      fork(fileURLToPath(new URL('./bus-node.ts', import.meta.url)), [], { env: { REDIS_URL: redis.url, NODE: randomUUID() } }),
    );
    await Promise.all(children.map((child) => once(child, 'message')));
    const before = await costOf(redis);
    for (const child of children) child.send(load);
    const reports = (await Promise.all(children.map((child) => once(child, 'message')))).map(([report]) => report as BusReport);
    const after = await costOf(redis);
    for (const child of children) child.send('close');
    await Promise.all(children.map((child) => once(child, 'exit')));
    show(nodes, label, reports, before, after);
  } finally {
    await redis.stop();
  }
}

async function costOf(redis: RedisServer): Promise<RedisCost> {
  const cpu = String(await redis.command('INFO', 'cpu'));
  const stats = String(await redis.command('INFO', 'commandstats'));
  const secondsOf = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(cpu)?.[1] ?? 0);
  const calls = [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, count]) => [name!, Number(count)] as const);
  return { cpuUs: (secondsOf('used_cpu_user') + secondsOf('used_cpu_sys')) * 1e6, calls: new Map(calls) };
}

function show(nodes: number, label: string, reports: readonly BusReport[], before: RedisCost, after: RedisCost): void {
  const sum = (of: (report: BusReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const published = sum((report) => report.published);
  const latencies = Float64Array.from(reports.flatMap((report) => report.latenciesMs)).sort();
  const at = (share: number) => latencies[Math.floor(latencies.length * share)]?.toFixed(2) ?? '-';
  const count = (name: string) => (after.calls.get(name) ?? 0) - (before.calls.get(name) ?? 0);
  console.info(
    [
      `${nodes} nodes, ${label}: ${Math.round(published / seconds).toLocaleString('en')} events/s`,
      `${(published / count('xadd')).toFixed(1)} an entry, ${(sum((report) => report.bytes) / published).toFixed(0)} B each`,
      `Redis ${((after.cpuUs - before.cpuUs) / published).toFixed(1)} us an event (${count('xadd')} XADD, ${count('xread')} XREAD)`,
      `node ${(sum((report) => report.cpuUs) / published).toFixed(1)} us an event`,
      `latency p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
      `heard ${sum((report) => report.heard)} of ${published * (nodes - 1)}, dropped ${sum((report) => report.dropped)}`,
    ].join('; '),
  );
}
