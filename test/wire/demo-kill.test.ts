// The demo's button that kills the server: who may press it, and the guardian that starts the server again.

import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createClient, type Entry } from '../../client-sdk/index.ts';
import { portOwner } from '../../server/cli/port-owner.ts';
import { dataOf, findPlace } from '../../server/store/embedded/place.ts';
import { isUp } from '../support/commands.ts';
import { demo, HttpFixture } from '../support/http.ts';
import { freePort, type Running, startUtalk, temporaryDataDir } from '../support/processes.ts';

const patient = { timeout: 20_000 };

describe('the route', () => {
  const http = new HttpFixture();
  afterEach(() => http.close());

  const press = async (headers: Record<string, string>, kill: (() => void) | undefined) => {
    await http.start({}, { demo: { ...demo, kill } });
    return http.get('/demo/kill', headers, 'POST');
  };

  test.each([
    ['by its origin', { host: 'localhost:3002', origin: 'http://localhost:3002' }],
    ['by the word of the browser', { host: '127.0.0.1:3002', 'sec-fetch-site': 'same-origin' }],
    ['by both', { host: '[::1]:3002', origin: 'http://[::1]:3002', 'sec-fetch-site': 'same-origin' }],
  ])('serves its own page: %s', async (_how, headers) => {
    const killed = Promise.withResolvers<void>();
    expect((await press(headers, killed.resolve)).status).toBe(202);
    await killed.promise;
  });

  test.each([
    ['a foreign origin', { host: 'localhost:3002', origin: 'http://evil.example' }],
    ['another port', { host: 'localhost:3002', origin: 'http://localhost:8080' }],
    ['another scheme', { host: 'localhost:3002', origin: 'https://localhost:3002' }],
    ['a sandboxed frame', { host: 'localhost:3002', origin: 'null' }],
    ['another site', { host: 'localhost:3002', 'sec-fetch-site': 'cross-site' }],
    ['a sister site', { host: 'localhost:3002', 'sec-fetch-site': 'same-site' }],
    ['an address bar', { host: 'localhost:3002', 'sec-fetch-site': 'none' }],
    ['a browser of two minds', { host: 'localhost:3002', origin: 'http://localhost:3002', 'sec-fetch-site': 'cross-site' }],
    ['nobody', { host: 'localhost:3002' }],
    ['somebody behind a proxy', { host: 'localhost:3002', origin: 'http://localhost:3002', 'x-forwarded-for': '192.0.2.1' }],
    ['a name of a stranger', { host: 'evil.example', origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' }],
  ])('refuses %s', async (_who, headers) => {
    const kills: string[] = [];
    expect((await press(headers, () => kills.push('killed'))).status).toBe(403);
    expect(kills).toEqual([]);
  });

  test('refuses another machine that claims the name of this one', async () => {
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal);
    if (!outside) return;
    const kills: string[] = [];
    await http.start({ host: '0.0.0.0', demo: true }, { demo: { ...demo, kill: () => kills.push('killed') } });
    const headers = { host: 'localhost:3002', origin: 'http://localhost:3002' };
    expect((await http.get('/demo/kill', headers, 'POST', outside.address)).status).toBe(403);
    expect(kills).toEqual([]);
  });

  test('refuses where nobody starts the server again, and says so before', async () => {
    expect((await press({ host: 'localhost', 'sec-fetch-site': 'same-origin' }, undefined)).status).toBe(409);
    expect((await http.get('/demo/config')).json()).toMatchObject({ canKill: false });
    await http.start({}, { demo: { ...demo, kill: () => {} } });
    expect((await http.get('/demo/config')).json()).toMatchObject({ canKill: true });
  });
});

describe('the guardian', () => {
  const data = temporaryDataDir();
  let running: Running | undefined;
  let ports: { ws: number; http: number };

  async function start(args: readonly string[] = ['serve', '--respawn'], more: Record<string, string> = {}): Promise<Running> {
    ports = { ws: await freePort(), http: await freePort() };
    running = startUtalk(args, {
      PORT: String(ports.ws),
      HTTP_PORT: String(ports.http),
      UTALK_DATA_DIR: data.directory,
      UTALK_DRAIN_WINDOW_MS: '0',
      LOG_LEVEL: 'warn',
      ...more,
    });
    return running;
  }

  afterEach(async () => {
    running?.process.kill('SIGTERM');
    await running?.ended;
    await everythingEnds();
  });
  afterAll(() => data.remove());

  const url = (where: string) => `http://127.0.0.1:${ports.http}${where}`;
  const canKill = async () => ((await (await fetch(url('/demo/config'))).json()) as { canKill: boolean }).canKill;
  const press = () => fetch(url('/demo/kill'), { method: 'POST', headers: { origin: url('') } });
  const serverPid = (): number | undefined => Number(/pid (\d+)/.exec(portOwner(ports.ws) ?? '')?.[1]) || undefined;
  const database = async () => path.join(dataOf(await findPlace(data.directory)), 'postmaster.pid');

  async function everythingEnds(): Promise<void> {
    const pidFile = await database();
    await expect
      .poll(() => [portOwner(ports.ws), portOwner(ports.http), existsSync(pidFile)], patient)
      .toEqual([undefined, undefined, false]);
  }

  /** Ana in the demo, on a client that logs nothing. */
  async function ana() {
    const { token } = (await (await fetch(url('/demo/token?user=ana'))).json()) as { token: string };
    const client = createClient({ url: `ws://127.0.0.1:${ports.ws}`, auth: token, logger: { debug: () => {}, warn: () => {} } });
    const conversation = client.conversation('demo');
    await client.connect();
    await conversation.join();
    return { client, conversation };
  }

  test('starts the server again on the same ports, and the conversation is whole', async () => {
    const server = await start();
    await server.line(isUp);
    const { client, conversation } = await ana();
    await conversation.send('before').acked;
    const heard: Entry[] = [];
    conversation.on('message', (entry) => heard.push(entry));
    const pids = new Set([serverPid()]);
    for (const text of ['first', 'second']) {
      const states: string[] = [];
      client.on('state', ({ name }) => states.push(name));
      expect(await canKill()).toBe(true);
      expect((await press()).status).toBe(202);
      await expect.poll(() => states, patient).toContain('offline');
      await conversation.send(text).acked;
      await expect.poll(() => client.state, patient).toBe('live');
      pids.add(serverPid());
    }
    expect(pids.size).toBe(3);
    await expect.poll(() => heard.map(({ text }) => text), patient).toEqual(['first', 'second']);
    expect(conversation.entries.map(({ text }) => text).slice(-3)).toEqual(['before', 'first', 'second']);
    client.close();
    expect(server.lines).toHaveLength(5);
    await expect.poll(() => server.errors().match(/was killed \(SIGKILL\) and is back after \d+ ms/g)?.length).toBe(2);
  });

  test('keeps free ports that the server has chosen', async () => {
    const server = await start(undefined, { PORT: '0', HTTP_PORT: '0' });
    const page = await server.line((line) => line.startsWith('Page:'));
    const socket = await server.line((line) => line.startsWith('WebSocket:'));
    await server.line(isUp);
    ports = { ws: Number(/:(\d+)\/app/.exec(socket)?.[1]), http: Number(/:(\d+)\/$/.exec(page)?.[1]) };
    const before = serverPid();
    await press();
    await expect.poll(serverPid, patient).not.toBe(before);
    await expect.poll(() => canKill().catch(() => false), patient).toBe(true);
  });

  test('hands SIGTERM on, and ends with the exit code of a server that drained', async () => {
    const server = await start();
    await server.line(isUp);
    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    await everythingEnds();
  });

  test('hands a second signal on, which ends both at once', async () => {
    const server = await start(undefined, { UTALK_DRAIN_WINDOW_MS: '600000' });
    await server.line(isUp);
    const { client } = await ana();
    const draining = new Promise((resolve) => client.on('server:shutdown', resolve));
    server.process.kill('SIGINT');
    await draining;
    server.process.kill('SIGINT');
    expect(await server.ended).toBe(1);
    await expect.poll(serverPid, patient).toBeUndefined();
    client.close();
    await adoptAndStop();
  });

  test('takes the server with it when it is killed itself', async () => {
    const server = await start();
    await server.line(isUp);
    server.process.kill('SIGKILL');
    expect(await server.ended).toBe('SIGKILL');
    await everythingEnds();
  });

  test('does not repeat a start that was refused', async () => {
    const server = await start(undefined, { UTALK_RATE_PROFILE: 'no such' });
    expect(await server.ended).toBe(1);
    expect(server.errors().match(/UTALK_RATE_PROFILE/g)).toHaveLength(1);
  });

  test('gives up a server that is killed before it listens, again and again', async () => {
    const early = 'if(process.argv[2]===`guarded`)process.kill(process.pid,`SIGKILL`)';
    const server = await start(undefined, { NODE_OPTIONS: `--import=data:text/javascript,${early}` });
    expect(await server.ended).toBe(1);
    expect(server.errors()).toContain('killed 5 times before it listened, the last time by SIGKILL');
    expect(server.lines).toEqual([]);
  });

  test('cannot be asked to kill outside development mode', async () => {
    const server = await start(undefined, { JWT_SECRET: 'a secret of more than thirty-two bytes', UTALK_DEMO: '1', HOST: '127.0.0.1' });
    await server.line(isUp);
    expect(await canKill()).toBe(false);
    const before = serverPid();
    expect((await press()).status).toBe(409);
    expect(serverPid()).toBe(before);
  });

  test('without it nobody can ask', async () => {
    const server = await start(['serve']);
    await server.line(isUp);
    expect(await canKill()).toBe(false);
    expect((await press()).status).toBe(409);
  });

  test('its child is not started by hand', async () => {
    const server = await start(['guarded']);
    expect(await server.ended).toBe(1);
    expect(server.errors()).toContain('serve --respawn');
  });

  /** The database outlives a server that had no time to stop it. */
  async function adoptAndStop(): Promise<void> {
    running = startUtalk(['migrate'], { UTALK_DATA_DIR: data.directory });
    expect(await running.ended, running.errors()).toBe(0);
  }
});
