// Pages of one user on one device: whoever outlives another one hears of its end from the platform, not from the server, which
// is silent here. Each message is sent by one of them.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../../../client-sdk/index.ts';
import { onLeave, onReturn } from '../../../../client-sdk/store/page.ts';
import { persistent } from '../../../../client-sdk/store/persistent.ts';
import type { ClientStore } from '../../../../client-sdk/store/store.ts';
import { type MemoryDevice, type MemoryPage, MemoryServer, type MemorySession } from '../../../../client-sdk/testing/index.ts';
import { Harness, sequence } from '../support/harness.ts';
import { Disk, DiskProcess } from './disk.ts';

interface Tab {
  page: MemoryPage;
  client: Client;
  session: MemorySession;
  /** What the platform tells this page. */
  platform: EventTarget;
}

let server: MemoryServer;
let device: MemoryDevice;
let clients: Client[];
/** Sessions whose messages arrive nowhere. */
let deaf: Set<MemorySession>;

beforeEach(() => {
  server = new MemoryServer();
  server.aliveIntervalMs = 0;
  server.conversation('c', ['ana', 'luis']);
  deaf = new Set();
  server.script = ({ name, session }) => (name === 'message:send' && deaf.has(session) ? 'ignore' : undefined);
  device = server.device('ana');
  clients = [];
});
afterEach(() => {
  for (const client of clients) client.close();
  vi.unstubAllGlobals();
  expect(server.violations).toEqual([]);
});

async function open(change: (store: ClientStore) => Partial<ClientStore> = () => ({})): Promise<Tab> {
  const page = device.page();
  const platform = new EventTarget();
  vi.stubGlobal('addEventListener', platform.addEventListener.bind(platform));
  const store = persistent({ ...page.store, ...change(page.store) });
  const client = createClient({
    ...page.options,
    store,
    user: { tenantId: 'acme', userId: 'ana' },
    logger: { debug: () => {}, warn: () => {} },
  });
  clients.push(client);
  client.connect().catch(() => {});
  await server.clock.until(() => client.state === 'live');
  await server.clock.advance(20);
  return { page, client, session: server.sessions.at(-1) as MemorySession, platform };
}

/** Writes what the server will not hear, and dies. */
async function dieWriting({ page, client, session }: Tab, texts: readonly string[]): Promise<void> {
  deaf.add(session);
  for (const text of texts) client.conversation('c').send(text);
  await server.clock.advance(50);
  page.crash();
}

async function tell({ platform }: Tab, event: string): Promise<void> {
  platform.dispatchEvent(new Event(event));
  await server.clock.advance(20);
}

const stored = () => server.log('c').map(({ text }) => text);
const shown = ({ client }: Tab) => client.conversation('c').entries.map(({ text }) => text);
const keys = (word: string) => [...device.storage.values.keys()].filter((key) => key.includes(word));
/** Texts of the messages that a page has sent, once for each time. */
const sentBy = ({ session }: Tab) =>
  session.commands.flatMap(({ name, body }) => (name === 'message:send' ? (body as { text: string }).text : []));
const texts = ['a', 'b', 'c'];

describe('the end of a page', () => {
  test('is told to one that came later', async () => {
    const [older, newer] = [await open(), await open()];
    await dieWriting(older, texts);
    await server.clock.until(() => stored().length === 3);
    await server.clock.advance(100);
    expect([stored(), shown(newer), keys('|out|')]).toEqual([texts, texts, []]);
  });

  test('is told to one that was there before, once that has seen it', async () => {
    const [older, newer] = [await open(), await open()];
    await tell(older, 'focus');
    await dieWriting(newer, texts);
    await server.clock.until(() => stored().length === 3);
    expect(shown(older)).toEqual(texts);
  });

  test.each(['focus', 'online', 'pageshow'])('is found by one that never saw it, at %s', async (event) => {
    const [older, newer] = [await open(), await open()];
    await dieWriting(newer, texts);
    await server.clock.advance(60_000);
    expect(stored()).toEqual([]);
    await tell(older, event);
    await server.clock.until(() => stored().length === 3);
    expect(shown(older)).toEqual(texts);
  });

  test('gives each message to one of two survivors', async () => {
    const [first, dying, last] = [await open(), await open(), await open()];
    await tell(first, 'focus');
    await dieWriting(dying, texts);
    await server.clock.until(() => stored().length === 3);
    await server.clock.advance(1_000);
    expect([...sentBy(first), ...sentBy(last)]).toEqual(texts);
    for (const tab of [first, last]) expect(shown(tab)).toEqual(texts);
    expect(keys('|out|')).toEqual([]);
  });

  test('that was orderly is told, too', async () => {
    const [older, newer] = [await open(), await open()];
    deaf.add(older.session);
    older.client.conversation('c').send('a');
    await server.clock.advance(50);
    older.client.close();
    await server.clock.until(() => stored().length === 1);
    expect(shown(newer)).toEqual(['a']);
  });

  test('reaches the one who outlives all others: messages pass from page to page', async () => {
    let tab = await open();
    for (const text of texts) {
      const next = await open();
      await dieWriting(tab, [text]);
      deaf.add(next.session);
      await server.clock.advance(50);
      tab = next;
    }
    const last = await open();
    tab.page.crash();
    await server.clock.until(() => stored().length === 3);
    expect([stored(), shown(last)]).toEqual([texts, texts]);
  });
});

describe('pages that come and go', () => {
  test('leave nothing behind: one name and one request for a lock for each that lives', async () => {
    const staying = await open();
    for (let i = 0; i < 20; i++) {
      const passing = await open();
      await tell(staying, 'focus');
      expect(device.storage.awaited).toHaveLength(2);
      if (i % 2) passing.page.crash();
      else passing.client.close();
      await server.clock.advance(50);
      expect([device.storage.awaited, keys('|tab|').length]).toEqual([[], 1]);
    }
    staying.client.close();
  });

  test('a client that closes waits for no other one', async () => {
    const [one, two] = [await open(), await open()];
    await tell(one, 'focus');
    two.client.close();
    one.client.close();
    await server.clock.advance(50);
    expect(device.storage.awaited).toEqual([]);
  });

  test('a store in which nothing can be deleted is not asked for ever', async () => {
    const dying = [await open(), await open(), await open()];
    for (const { page } of dying) page.crash();
    let asked = 0;
    await open((store) => ({
      delete: async () => {
        throw new Error('read-only');
      },
      list: (prefix) => {
        asked++;
        return store.list(prefix);
      },
    }));
    await server.clock.advance(10_000);
    expect(asked).toBeLessThan(20);
  });
});

describe('what was taken over is shown once', () => {
  test('while the store is slow to take its new name', async () => {
    const harness = new Harness();
    harness.server.logs.create('c1', ['ana', 'luis']);
    const disk = new Disk(harness.clock);
    const load = (process: DiskProcess, seed: number) =>
      harness.client('ana', { store: process.store(), user: { tenantId: 'acme', userId: 'ana' }, random: sequence(seed) }).client;
    harness.server.down = true;
    const dying = new DiskProcess(disk);
    const first = load(dying, 1);
    for (let n = 0; n < 20; n++) first.conversation('c1').send(`m${n}`);
    await harness.clock.advance(20);
    dying.kill();
    disk.latencyMs = 20;
    // Acknowledged long before the log holds it.
    harness.server.faults.next({ name: 'message:new' }, { delayMs: 300, overtaken: true }, 20);
    harness.server.down = false;
    const second = load(new DiskProcess(disk), 2);
    const sizes: number[] = [];
    second.conversation('c1').on('change', ({ entries }) => sizes.push(entries.length));
    second.connect().catch(() => {});
    await harness.clock.until(() => second.state === 'live' && second.unsent === 0);
    await harness.clock.advance(30_000);
    expect(Math.max(...sizes)).toBe(20);
    expect(second.conversation('c1').entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(disk.kept('out|')).toEqual([]);
    harness.close();
  });

  test('when the store never takes its new name', async () => {
    const dying = await open();
    const surviving = await open((store) => ({
      set: async (key, value) => {
        if (key.includes('|out|')) throw new Error('full');
        await store.set(key, value);
      },
    }));
    deaf.add(surviving.session);
    await dieWriting(dying, ['a']);
    await server.clock.advance(50);
    for (let i = 0; i < 3; i++) await tell(surviving, 'focus');
    expect(surviving.client.conversation('c').entries).toMatchObject([{ text: 'a', status: 'sending' }]);
    expect(surviving.client.unsent).toBe(1);
    expect(sentBy(surviving)).toEqual(['a']);
  });
});

test('the view is written out when the page is left', async () => {
  const { platform } = await open();
  server.say('luis', 'c', 'a');
  await server.clock.advance(20);
  expect(device.storage.values.get(keys('|log|c')[0] as string) ?? '').not.toContain('"text":"a"');
  platform.dispatchEvent(new Event('pagehide'));
  // A write takes a millisecond; without the event it begins after half a second.
  await server.clock.advance(5);
  expect(device.storage.values.get(keys('|log|c')[0] as string)).toContain('"text":"a"');
});

test('hidden is left, visible is back, and neither is told after the signal', () => {
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const page = Object.assign(new EventTarget(), { document });
  const stop = new AbortController();
  const told: string[] = [];
  onLeave(() => told.push('left'), stop.signal, page);
  onReturn(() => told.push('back'), stop.signal, page);
  for (const state of ['hidden', 'visible']) {
    document.visibilityState = state;
    document.dispatchEvent(new Event('visibilitychange'));
  }
  stop.abort();
  for (const type of ['pagehide', 'focus']) page.dispatchEvent(new Event(type));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(told).toEqual(['left', 'back']);
});
