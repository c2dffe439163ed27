// What a node says of itself while its parts come and go; the clock is the test's.

import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BusState } from '../../server/bus/index.ts';
import { sumFigures } from '../../server/health.ts';
import { createLog } from '../../server/log.ts';
import { Metrics } from '../../server/metrics.ts';
import { NodeHealth } from '../../server/node-health.ts';
import { byLabel, parseExposition } from '../support/exposition.ts';

let written: { msg: string; level: string; [field: string]: unknown }[];
let storeAnswers: boolean;
let busState: BusState;
let health: NodeHealth;
const bus = {
  get state() {
    return busState;
  },
  stats: () => ({ reason: 'no flush came back for 2.6 s' }),
} as ConstructorParameters<typeof NodeHealth>[0]['bus'];

function watch(more: Partial<ConstructorParameters<typeof NodeHealth>[0]> = {}): NodeHealth {
  const destination = new Writable({
    write(chunk, _encoding, done) {
      written.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const ping = () => (storeAnswers ? Promise.resolve() : Promise.reject(new Error('away')));
  health = new NodeHealth({ store: { ping }, bus, listens: true, log: createLog('info', destination), ...more });
  return health;
}

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  storeAnswers = true;
  busState = 'up';
});
afterEach(() => {
  health.close();
  vi.useRealTimers();
});

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('starting, ready and draining', () => {
  watch();
  expect(health.now()).toMatchObject({ status: 'starting', ready: false, checks: { listener: 'starting' } });
  health.enter('ready');
  expect(health.now()).toMatchObject({ status: 'ok', ready: true, checks: { store: 'ok', redis: 'ok', listener: 'ok' } });
  health.enter('draining');
  expect(health.now()).toMatchObject({ status: 'draining', ready: false });
  expect(written).toEqual([]);
});

test('Redis away: degraded and ready, in words, with the time', async () => {
  watch().enter('ready');
  busState = 'suspect';
  expect(health.now()).toMatchObject({ status: 'degraded', ready: true, checks: { redis: 'suspect: no flush came back for 2.6 s' } });
  busState = 'down';
  await after(12_000);
  expect(health.now()).toMatchObject({ status: 'degraded', ready: true, checks: { redis: 'down for 12 s', store: 'ok' } });
  busState = 'up';
  expect(health.now()).toMatchObject({ status: 'ok', checks: { redis: 'ok' } });
  await after(3_000);
  busState = 'down';
  expect(health.now().checks.redis).toBe('down for 0 s');
});

test('without REDIS_URL nothing is said of Redis; without a WebSocket port nothing of a listener', () => {
  watch({ bus: undefined, listens: false }).enter('ready');
  expect(health.now()).toMatchObject({ status: 'ok', ready: true });
  expect(Object.keys(health.now().checks)).toEqual(['store']);
});

test('the store away: not ready after five seconds, logged once, and once again with the time it took', async () => {
  watch().enter('ready');
  storeAnswers = false;
  busState = 'down';
  await after(4_000);
  expect(health.now()).toMatchObject({ status: 'degraded', ready: true, checks: { store: 'ok' } });
  await after(8_000);
  expect(health.now()).toMatchObject({ status: 'down', ready: false, checks: { store: expect.stringMatching(/^no answer for 1[12] s$/) } });
  expect(written.map(({ level, msg }) => `${level} ${msg}`)).toEqual(['error not ready']);
  storeAnswers = true;
  await after(2_000);
  expect(health.now()).toMatchObject({ status: 'degraded', ready: true });
  expect(written.map(({ level, msg }) => `${level} ${msg}`)).toEqual(['error not ready', 'info ready again']);
  expect(written[1]).toMatchObject({ notReadyMs: 7_000 });
});

test('states are a metric', async () => {
  const metrics = new Metrics();
  watch().register(metrics);
  const states = async () => Object.fromEntries(byLabel(parseExposition((await metrics.text()).body), 'utalk_state', 'part'));
  expect(await states()).toEqual({ store: 1, redis: 1, listener: 0 });
  health.enter('ready');
  busState = 'suspect';
  expect(await states()).toEqual({ store: 1, redis: 0.5, listener: 1 });
  busState = 'down';
  storeAnswers = false;
  await after(10_000);
  expect(await states()).toEqual({ store: 0, redis: 0, listener: 1 });
});

test('figures of several processes are summed; the link to Redis is that of the one that answers', () => {
  const workers = [
    { connections: 3, users: 2, rooms: 1, redis: 'down' as const },
    { connections: 4, users: 4, rooms: 0, redis: 'up' as const },
  ];
  expect(sumFigures({ connections: 0, users: 0, rooms: 0, redis: 'up' }, workers)).toEqual({
    connections: 7,
    users: 6,
    rooms: 1,
    redis: 'up',
  });
  expect(sumFigures({ connections: 1, users: 1, rooms: 1 }, [])).toEqual({ connections: 1, users: 1, rooms: 1 });
});
