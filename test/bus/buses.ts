// Buses to test: several of one hub, or of one Redis under a prefix of their own, that have heard of each other.

import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { type BusEvent, type BusKind, busKinds, InProcessHub, openRedisBus } from '../../server/bus/index.ts';
import type { busTimes } from '../../server/bus/redis/times.ts';
import { Ear } from './ear.ts';

export const silentLog = pino({ level: 'silent' });

/** Nodes speak ten times as often as in life, so that tests do not wait for probes. */
export const quickTimes = { probeMs: 100, tickMs: 25 };

/** Silence is noticed ten times as fast. */
export const hastyTimes = { ...quickTimes, silentMs: 250, goneMs: 1_000, blockMs: 100 };

type Times = Partial<typeof busTimes>;

/** A bus over the Redis behind this URL, and what it tells. */
export async function openEar(url: string, prefix: string, times: Times = quickTimes): Promise<Ear> {
  return new Ear(await openRedisBus({ url, node: randomUUID(), log: silentLog, prefix, times }));
}

/** A name that no other test uses. */
export const freshPrefix = (): string => `test-${randomUUID()}`;

/** That many buses over Redis which have heard each other. */
export async function redisEars(urls: readonly string[], times: Times = quickTimes): Promise<Ear[]> {
  const prefix = freshPrefix();
  const ears: Ear[] = [];
  for (const url of urls) ears.push(await openEar(url, prefix, times));
  await allMet(ears);
  return ears;
}

export async function inProcessEars(count: number): Promise<Ear[]> {
  const hub = new InProcessHub();
  const ears = Array.from({ length: count }, () => new Ear(hub.connect(randomUUID())));
  await allMet(ears);
  return ears;
}

/** Resolves when each has heard of each other. */
export async function allMet(ears: readonly Ear[]): Promise<void> {
  for (const ear of ears) {
    for (const other of ears) if (other !== ear) await ear.until(() => ear.changes(other.node).includes('joined'));
  }
}

export function event(
  key: number,
  seq: number,
  kind: BusKind = busKinds.entry,
  frame: Uint8Array = Buffer.from(`${key}/${seq}`),
): BusEvent {
  return { kind, key, seq, frame };
}

/** Seqs of the events with this key. */
export const seqs = (events: readonly BusEvent[], key: number): number[] =>
  events.flatMap((heard) => (heard.key === key ? [heard.seq] : []));

/** 1, 2, 3 … */
export const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
