// Several processes on one port: clients are spread over them, a dead one costs nobody a message, and whichever way the
// supervisor goes, its workers go too.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../client-sdk/index.ts';
import { byLabel, parseExposition, type Sample } from '../support/exposition.ts';
import { FrameClient } from '../support/frame-client.ts';
import { freePort, type Running, startUtalk, temporaryDataDir } from '../support/processes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { runs, Supervised } from '../support/supervised.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const patience = { timeout: 30_000, interval: 50 };
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('four workers', () => {
  let server: Supervised;
  beforeAll(async () => {
    server = await Supervised.start(redis, 4);
  });
  afterAll(() => server?.remove());

  const scrape = async (): Promise<Sample[]> => parseExposition(await (await server.http('/metrics')).text());

  test('are ready together, and the page leads to them', async () => {
    expect((await server.http('/health/ready')).status).toBe(200);
    await expect
      .poll(async () => (await server.http('/health/ready')).json(), patience)
      .toMatchObject({ status: 'ok', checks: { store: 'ok', redis: 'ok', workers: '4 of 4 ready' } });
    expect(await (await server.http('/demo/config')).json()).toMatchObject({ wsPort: Number(server.environment.PORT) });
    expect(new Set(server.pids.values()).size).toBe(4);
  });

  test('share the port; their metrics are one valid text, their connections one sum', async () => {
    const clients = await Promise.all(range(60).map(() => FrameClient.connect(server.url)));
    const open = async () => byLabel(await scrape(), 'utalk_connections', 'worker');
    const sum = async () => [...(await open()).values()].reduce((total, count) => total + count, 0);
    await expect.poll(sum, patience).toBe(60);
    const shares = await open();
    expect([...shares.keys()].sort()).toEqual(['0', '1', '2', '3', 'supervisor']);
    expect(shares.get('supervisor')).toBe(0);
    expect([...shares.values()].filter((count) => count > 0).length).toBeGreaterThan(1);
    const health = async () => ((await (await server.http('/health/socket')).json()) as { metrics: object }).metrics;
    await expect.poll(health, patience).toMatchObject({ activeConnections: 60 });
    await Promise.all(clients.map((client) => client.close()));
    await expect.poll(health, patience).toMatchObject({ activeConnections: 0 });
  });

  test('a browser page of the demo may connect to them', async () => {
    const origin = `http://localhost:${server.environment.HTTP_PORT}`;
    const client = await FrameClient.connect(server.url, { headers: { origin } });
    await client.close();
    await expect(FrameClient.connect(server.url, { headers: { origin: 'http://evil.example' } })).rejects.toThrow();
  });

  test('a second server on their port is refused and told who has it, alone or with workers', async () => {
    const other = temporaryDataDir();
    const environment = { ...server.environment, HTTP_PORT: '0', UTALK_DATA_DIR: other.directory };
    for (const args of [['serve'], ['serve', '--workers', '2']]) {
      const second = startUtalk(args, environment);
      expect(await second.ended, second.errors()).toBe(1);
      expect(second.errors()).toMatch(/port \d+ on 127\.0\.0\.1 is in use/);
      expect(second.errors()).toMatch(new RegExp(`\\(pid (${[...server.pids.values()].join('|')})\\)`));
    }
    await other.remove();
    expect(await (await server.http('/health/ready')).json()).toMatchObject({ checks: { workers: '4 of 4 ready' } });
  });

  test('a worker that is killed is replaced; nobody loses a message, and the port answers all the time', async () => {
    const talk = await Talk.start(server, 'killed', 1_000);
    const first = server.pids;
    for (const [third, worker] of [
      [1, '1'],
      [2, '3'],
    ] as const) {
      await expect.poll(() => talk.acked, { ...patience, interval: 5 }).toBeGreaterThan((third * talk.total) / 3);
      const pid = first.get(worker)!;
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => server.log.some((line) => line.msg === 'a worker ended' && line.pid === pid), patience).toBe(true);
      expect(await Promise.all(range(20).map(() => server.knock()))).toEqual(Array(20).fill(200));
    }
    expect(talk.acked).toBeLessThan(talk.total);
    await talk.end();
    for (const worker of ['1', '3']) await expect.poll(() => server.pids.get(worker), patience).not.toBe(first.get(worker));
    await expect.poll(async () => byLabel(await scrape(), 'utalk_worker_restarts_total', 'worker').get('supervisor'), patience).toBe(2);
    await expect
      .poll(async () => (await server.http('/health/ready')).json(), patience)
      .toMatchObject({ status: 'ok', checks: { workers: '4 of 4 ready' } });
  });

  test('a worker that does not run is left out of the metrics and of what is ready, and comes back', async () => {
    const pid = server.pids.get('2')!;
    process.kill(pid, 'SIGSTOP');
    try {
      expect([...byLabel(await scrape(), 'utalk_connections', 'worker').keys()]).not.toContain('2');
      expect(byLabel(await scrape(), 'utalk_worker_reports_missed_total', 'worker').get('supervisor')).toBeGreaterThan(0);
      await expect
        .poll(async () => (await server.http('/health/ready')).json(), patience)
        .toMatchObject({ status: 'degraded', ready: true, checks: { workers: '3 of 4 ready' } });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await expect
      .poll(async () => (await server.http('/health/ready')).json(), patience)
      .toMatchObject({ status: 'ok', checks: { workers: '4 of 4 ready' } });
  });

  test('without Redis all are degraded and ready, and messages are stored', async () => {
    const states = async () => byLabel(await scrape(), 'utalk_state', 'worker');
    const wellParts = (parts: number) => Object.fromEntries([...range(4).map((i) => [i, parts]), ['supervisor', parts - 1]]);
    await redis.kill();
    await expect
      .poll(async () => (await server.http('/health/ready')).json(), patience)
      .toMatchObject({ status: 'degraded', ready: true, checks: { redis: expect.stringMatching(/^down for/), workers: '4 of 4 ready' } });
    await expect.poll(async () => Object.fromEntries(await states()), patience).toEqual(wellParts(2));
    const sent = server.utalk('send', '--conversation', 'demo', '--text', 'without Redis', '--json');
    expect(await sent.ended, sent.errors()).toBe(0);
    await redis.start();
    await expect.poll(async () => Object.fromEntries(await states()), patience).toEqual(wellParts(3));
    await expect.poll(async () => (await server.http('/health/ready')).json(), patience).toMatchObject({ status: 'ok' });
  });

  test('SIGHUP replaces each while people talk, and the new one listens before the old one drains', async () => {
    const old = server.pids;
    const since = server.log.length;
    const [ana, luis] = await Promise.all([demoClient(server, 'ana'), demoClient(server, 'luis')]);
    const { seq: before } = await ana.conversation('demo').send('before').acked;
    const stored: number[] = [];
    const heard: number[] = [];
    const over = new AbortController();
    const following = follow(luis, before, heard, over.signal);
    let replaced = false;
    const talking = (async () => {
      while (!replaced) stored.push((await ana.conversation('demo').send(`${stored.length}`).acked).seq);
    })();
    server.running.process.kill('SIGHUP');
    await expect.poll(() => [...old.values()].some(runs), patience).toBe(false);
    replaced = true;
    await talking;
    await expect.poll(() => heard.length, patience).toBe(stored.length);
    expect(heard).toEqual(stored);
    expect(stored).toEqual(stored.map((_, i) => before + 1 + i));
    over.abort();
    await following;
    ana.close();
    luis.close();
    const order = server.log
      .slice(since)
      .flatMap(({ worker, msg }) => (/listens$|^draining$|^closed$/.test(msg) ? `${worker} ${msg}` : []));
    expect(order).toEqual(range(4).flatMap((i) => [`${i} a worker listens`, `${i} draining`, `${i} closed`]));
    expect([...server.pids.values()].every(runs)).toBe(true);
    expect(await server.knock()).toBe(200);
  });

  test('when the supervisor is killed, they drain and end; the next one finds everything', async () => {
    const { pids } = server;
    server.running.process.kill('SIGKILL');
    await expect.poll(() => [...pids.values()].filter(runs), patience).toEqual([]);
    expect(await server.running.ended).toBe('SIGKILL');
    await server.restart(4);
    const tail = server.utalk('tail', '--conversation', 'killed', '--after-seq', '0', '--count', '3001', '--json');
    expect(await tail.ended, tail.errors()).toBe(0);
  });

  test('SIGTERM drains them one by one, while health is told to the end; nothing is left', async () => {
    const { pids } = server;
    const before = server.told('draining', 'closed').length;
    const client = await FrameClient.connect(server.url);
    server.running.process.kill('SIGTERM');
    await expect.poll(async () => (await server.http('/health/ready')).status, { ...patience, interval: 10 }).toBe(503);
    expect(await server.running.ended).toBe(0);
    await client.closed;
    expect(server.told('draining', 'closed').slice(before)).toEqual([
      ...range(4).flatMap((i) => [`${i} draining`, `${i} closed`]),
      'supervisor closed',
    ]);
    expect([...pids.values()].filter(runs)).toEqual([]);
    await expect(server.knock()).rejects.toThrow();
  });
});

test('a worker beyond its ceiling is replaced, one at a time, and the port answers', async () => {
  const server = await Supervised.start(redis, 2, { UTALK_WORKER_MAX_MB: '1' });
  const first = server.pids;
  await expect.poll(() => [...first.values()].filter(runs), patience).toEqual([]);
  expect(await server.knock()).toBe(200);
  const order = server.told('a worker is too large and is replaced', 'a worker listens', 'closed').slice(2);
  for (const [i, line] of order.entries()) {
    const [worker, ...rest] = line.split(' ');
    if (rest.join(' ') === 'a worker listens') expect(order[i + 1] ?? `${worker} closed`).toBe(`${worker} closed`);
  }
  expect(await server.terminate()).toBe(0);
  await server.remove();
});

test('a second signal ends supervisor and workers at once', async () => {
  const server = await Supervised.start(redis, 2, { UTALK_DRAIN_WINDOW_MS: '600000' });
  const { pids } = server;
  const tail = server.utalk('tail', '--conversation', 'demo', '--after-seq', '0');
  await tail.line(() => true);
  server.running.process.kill('SIGTERM');
  await expect.poll(async () => (await server.http('/health/ready')).status, patience).toBe(503);
  server.running.process.kill('SIGTERM');
  expect(await server.running.ended).toBe(1);
  await expect.poll(() => [...pids.values()].filter(runs), patience).toEqual([]);
  tail.process.kill('SIGINT');
  await tail.ended;
  const migrate = server.utalk('migrate');
  expect(await migrate.ended, migrate.errors()).toBe(0);
  await server.remove();
});

describe('what cannot be started', () => {
  test('workers without Redis', async () => {
    const data = temporaryDataDir();
    const alone = startUtalk(['serve', '--workers', '2'], { PORT: '0', HTTP_PORT: '0', UTALK_DATA_DIR: data.directory });
    expect(await alone.ended).toBe(1);
    expect(alone.errors()).toMatch(/^--workers 2 needs REDIS_URL.*redis:\/\//);
    expect(alone.lines).toEqual([]);
    await data.remove();
  });

  test.each(['0', '65', 'many', ''])('"%s" workers', async (workers) => {
    const wrong = startUtalk(['serve', '--workers', workers], {});
    expect(await wrong.ended).toBe(2);
    expect(wrong.errors()).toContain('--workers takes a whole number from 1 to 64');
  });

  test('a worker by hand', async () => {
    const orphan = startUtalk(['worker'], {});
    expect(await orphan.ended).toBe(1);
    expect(orphan.errors()).toContain('serve --workers');
  });

  test('workers on a port that one server has alone', async () => {
    const [data, other] = [temporaryDataDir(), temporaryDataDir()];
    const environment = { PORT: String(await freePort()), HTTP_PORT: '0', REDIS_URL: redis.url, LOG_LEVEL: 'warn' };
    const alone = startUtalk(['serve'], { ...environment, UTALK_DATA_DIR: data.directory });
    await alone.line((line) => line.startsWith('Stop:'));
    const second = startUtalk(['serve', '--workers', '2'], { ...environment, UTALK_DATA_DIR: other.directory });
    expect(await second.ended).toBe(1);
    expect(second.errors()).toContain(`(pid ${alone.process.pid})`);
    alone.process.kill('SIGTERM');
    expect(await alone.ended).toBe(0);
    await Promise.all([data.remove(), other.remove()]);
  });
});

async function demoClient(server: Supervised, user: string): Promise<Client> {
  const { token } = (await (await server.http(`/demo/token?user=${user}`)).json()) as { token: string };
  const client = createClient({ url: server.url, auth: token });
  await client.connect();
  return client;
}

/** Notes the numbers of what comes after this one, until told to end. */
async function follow(client: Client, afterSeq: number, heard: number[], signal: AbortSignal): Promise<void> {
  try {
    for await (const { seq } of client.conversation('demo').messages({ afterSeq, signal })) heard.push(seq);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Three senders and four followers of one conversation, on whichever workers. */
class Talk {
  readonly total: number;
  readonly #senders: readonly Running[];
  readonly #tails: readonly Running[];

  private constructor(total: number, senders: readonly Running[], tails: readonly Running[]) {
    this.total = total;
    this.#senders = senders;
    this.#tails = tails;
  }

  static async start(server: Supervised, conversation: string, count: number): Promise<Talk> {
    const created = server.utalk('send', '--create', '--conversation', conversation, '--text', 'first', '--json');
    expect(await created.ended, created.errors()).toBe(0);
    const total = 3 * count;
    const follow = ['tail', '--conversation', conversation, '--after-seq', '1', '--count', String(total), '--json'];
    const tails = range(4).map(() => server.utalk(...follow));
    const send = ['send', '--conversation', conversation, '--text', '{n}', '--count', String(count), '--connections', '4', '--json'];
    const senders = range(3).map(() => server.utalk(...send, '--timeout', '100s'));
    return new Talk(total, senders, tails);
  }

  get acked(): number {
    return this.#senders.reduce((sum, { lines }) => sum + lines.length, 0);
  }

  /** Waits for its end: everything was acknowledged, and every follower saw just that, once and in order. */
  async end(): Promise<void> {
    for (const one of [...this.#senders, ...this.#tails]) expect(await one.ended, one.errors()).toBe(0);
    const acks = this.#senders.flatMap(({ lines }) => lines.map(identity));
    expect(acks).toHaveLength(this.total);
    const log = acks.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
    for (const tail of this.#tails) expect(tail.lines.map(identity)).toEqual(log);
  }
}

function identity(line: string): string {
  const { seq, id, messageId } = JSON.parse(line) as { seq: number; id: string; messageId: string };
  return `${seq} ${id} ${messageId}`;
}
