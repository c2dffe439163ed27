// One node of the bench of the bus: publishes as it is told, hears the others, and reports.

import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { type BusEvent, busKinds, openRedisBus } from '../server/bus/index.ts';

export interface BusLoad {
  /** 0: as fast as the bus takes it. */
  callsPerS: number;
  eventsPerCall: number;
  frameBytes: number;
  seconds: number;
  /** Other nodes. */
  peers: number;
}

export interface BusReport {
  published: number;
  dropped: number;
  bytes: number;
  heard: number;
  cpuUs: number;
  latenciesMs: number[];
}

const interesting = 1;
/** What may wait when it goes as fast as it can. */
const fullBytes = 512 * 1024;
const settleMs = 500;
const sampleEvery = 10;

const { REDIS_URL = '', NODE = '' } = process.env;
const bus = await openRedisBus({ url: REDIS_URL, node: NODE, log: pino({ level: 'warn' }) });
const now = () => performance.timeOrigin + performance.now();
const latenciesMs: number[] = [];
let peers = 0;
let heard = 0;

bus.interest(interesting, true);
bus.onNode = (_node, change) => {
  if (change === 'joined') peers++;
};
bus.onEvents = (_origin, events) => {
  heard += events.length;
  const frame = events[0] && Buffer.from(events[0].frame.buffer, events[0].frame.byteOffset, 8);
  if (frame && (heard < 10_000 || heard % sampleEvery === 0)) latenciesMs.push(now() - frame.readDoubleLE());
};

process.send?.('open');
const [load] = (await once(process, 'message')) as [BusLoad];
while (peers < load.peers) await setTimeout(20);
const cpu = process.cpuUsage();
await publish(load);
await bus.flushed();
await setTimeout(settleMs);
const { user, system } = process.cpuUsage(cpu);
const { published, dropped, bytesPublished: bytes } = bus.stats();
process.send?.({ published, dropped, bytes, heard, cpuUs: user + system, latenciesMs: latenciesMs.slice(-50_000) } satisfies BusReport);
await once(process, 'message');
await bus.close();
process.disconnect();

async function publish({ callsPerS, eventsPerCall, frameBytes, seconds }: BusLoad): Promise<void> {
  const startMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  for (let call = 1; performance.now() < endMs; call++) {
    const frame = Buffer.alloc(frameBytes);
    frame.writeDoubleLE(now());
    bus.publish(
      call,
      Array.from({ length: eventsPerCall }, (_, seq): BusEvent => ({ kind: busKinds.entry, key: interesting, seq, frame })),
    );
    if (callsPerS > 0) await setTimeout(Math.max(0, startMs + (call / callsPerS) * 1_000 - performance.now()));
    else while (bus.stats().queuedBytes > fullBytes) await bus.flushed();
  }
}
