// The core in an engine with nothing but the language, a WebSocket and the few globals that React Native has on Hermes, and with
// code from strings forbidden, as by a content security policy without `unsafe-eval`.

import { fileURLToPath } from 'node:url';
import { type Context, createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client, ClientOptions, PersistentStore } from '../../../client-sdk/index.ts';
import { MemoryServer } from '../../../client-sdk/testing/index.ts';

/** What browsers and Node have, and Hermes does not. */
const absent = [
  'TextDecoder',
  'TextEncoder',
  'crypto',
  'structuredClone',
  'navigator',
  'document',
  'window',
  'localStorage',
  'indexedDB',
  'EventTarget',
  'URL',
  'Buffer',
  'process',
  'Symbol.dispose',
  'Symbol.asyncDispose',
  'Promise.withResolvers',
  'AbortSignal.any',
  'AbortSignal.timeout',
  'AbortSignal.prototype.throwIfAborted',
];

/** Of React Native: a signal has no reason, and nothing of what came later. */
const abortController = `
  class AbortSignal {
    aborted = false;
    listeners = new Set();
    addEventListener(type, listener) { this.listeners.add(listener); }
    removeEventListener(type, listener) { this.listeners.delete(listener); }
  }
  class AbortController {
    signal = new AbortSignal();
    abort() {
      if (this.signal.aborted) return;
      this.signal.aborted = true;
      for (const listener of [...this.signal.listeners]) listener({ type: 'abort' });
    }
  }
  Object.assign(globalThis, { AbortController, AbortSignal });
  for (const later of ['Symbol.dispose', 'Symbol.asyncDispose', 'Promise.withResolvers']) {
    const [owner, name] = later.split('.');
    delete globalThis[owner][name];
  }
`;

const texts = ['¡Hola! ☃', '日本語', '👩‍👩‍👧 \u{1f600}', 'ascii', 'ñ'.repeat(300)];

let code: string;
let server: MemoryServer;
let engine: Context;
let client: Client;

beforeAll(async () => {
  const contents = "export * from './index.ts'; export { persistent } from './store/index.ts';";
  const resolveDir = fileURLToPath(new URL('../../../client-sdk', import.meta.url));
  const options = { bundle: true, minify: true, format: 'iife', globalName: 'utalk', target: 'es2022', write: false } as const;
  const { outputFiles } = await build({ stdin: { contents, resolveDir }, ...options });
  code = outputFiles[0]?.text ?? '';
});

beforeEach(() => {
  server = new MemoryServer();
  server.conversation('talk', ['ana', 'luis']);
  const globals = { queueMicrotask, setTimeout, clearTimeout, console };
  engine = createContext(globals, { codeGeneration: { strings: false, wasm: false } });
  runInContext(abortController, engine);
});
afterEach(() => client?.close());

/** A client that was made, and lives, in the engine. */
function open(options: ClientOptions = server.options('ana')): Client {
  runInContext(code, engine);
  engine.options = options;
  client = runInContext('utalk.createClient(options)', engine) as Client;
  return client;
}

describe('the engine', () => {
  test.each(absent)('has no %s', (name) => {
    expect(runInContext(`globalThis.${name.replaceAll('.', '?.')}`, engine)).toBeUndefined();
  });

  test.each(["eval('1')", "new Function('return 1')()"])('refuses %s', (text) => {
    expect(() => runInContext(text, engine)).toThrow(/Code generation from strings disallowed/);
  });
});

test('texts of many bytes go both ways, over a cut as well', async () => {
  open();
  await server.clock.run(client.connect());
  const talk = client.conversation('talk');
  const sent = texts.map((text) => talk.send({ text, metadata: { text } }).acked);
  server.cut('ana');
  for (const text of texts) server.say('luis', 'talk', text);
  await server.clock.run(Promise.all(sent));
  await server.clock.run(client.connect());
  const stored = server.log('talk').flatMap(({ sender, text }) => (text === undefined ? [] : [`${sender}: ${text}`]));
  expect([...stored].sort()).toEqual(['ana', 'luis'].flatMap((user) => texts.map((text) => `${user}: ${text}`)).sort());
  expect(talk.entries.flatMap(({ sender, text }) => (text === undefined ? [] : [`${sender}: ${text}`]))).toEqual(stored);
});

test('ids are good with a crypto that has getRandomValues only, and with none', async () => {
  const { random: _seeded, ...options } = server.options('ana');
  open(options);
  const first = client.conversation('talk').send('first').messageId;
  engine.crypto = { getRandomValues: (values: Uint32Array<ArrayBuffer>) => crypto.getRandomValues(values) };
  const second = client.conversation('talk').send('second').messageId;
  for (const id of [first, second]) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(first).not.toBe(second);
});

test('waits end by signals of that engine', async () => {
  open();
  await server.clock.run(client.connect());
  server.silence('ana');
  const controller = runInContext('new AbortController()', engine) as AbortController;
  const called = client.call('echo', {}, { signal: controller.signal }).catch(({ code }: { code: string }) => code);
  controller.abort();
  expect(await called).toBe('DISCONNECTED');
});

test('a signal of that engine, which has no reason, takes a message back with an error all the same', async () => {
  open();
  const controller = runInContext('new AbortController()', engine) as AbortController;
  const sent = client.conversation('talk').send('never mind', { signal: controller.signal });
  const refused = sent.acked.catch((error: unknown) => error);
  controller.abort();
  expect(await refused).toMatchObject({ code: expect.any(String), message: expect.any(String) });
  expect(sent.status).toBe('withdrawn');
  expect(client.unsent).toBe(0);
});

test('a store of the application keeps what is unsent when the app is killed', async () => {
  const values = new Map<string, string>();
  // As AsyncStorage has it: texts, and no lock.
  engine.own = {
    get: async (key: string) => (values.has(key) ? JSON.parse(values.get(key) as string) : undefined),
    set: async (key: string, value: unknown) => void values.set(key, JSON.stringify(value)),
    delete: async (key: string) => void values.delete(key),
    list: async (prefix: string) =>
      [...values]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => [key, JSON.parse(value)]),
  };
  runInContext(code, engine);
  const store = runInContext('utalk.persistent(own)', engine) as PersistentStore;
  const page = server.device('ana').page();
  const user = { tenantId: 'acme', userId: 'ana' };
  server.down = true;
  open({ ...page.options, store, user });
  client.conversation('talk').send('☃ written without a network');
  await server.clock.advance(100);
  page.crash();
  server.down = false;
  open({ ...server.options('ana'), store, user });
  await server.clock.run(client.connect());
  await server.clock.run(client.drain());
  expect(server.log('talk').flatMap(({ text }) => text ?? [])).toEqual(['☃ written without a network']);
});
