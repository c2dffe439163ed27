// Faults on the wire by script and by dice, and scenarios that repeat by their seed.

import { expect, test } from 'vitest';
import { createClient } from '../../../../client-sdk/index.ts';
import { explore, MemoryServer, type Run, replay, ScenarioError } from '../../../../client-sdk/testing/index.ts';

const quiet = { debug: () => {}, warn: () => {} };

/** Ana writes to a server on which `spoil` was let loose. */
async function written(spoil: (server: MemoryServer) => void, texts = ['a', 'b', 'c']) {
  const server = new MemoryServer({ seed: 11 });
  server.conversation('c', ['ana', 'luis']);
  const [ana, luis] = ['ana', 'luis'].map((userId) => createClient({ ...server.options(userId), logger: quiet }));
  await server.clock.run(Promise.all([ana?.connect(), luis?.connect()]));
  const heard: (string | undefined)[] = [];
  luis?.on('message', ({ text }) => heard.push(text));
  spoil(server);
  await server.clock.run(Promise.all(texts.map((text) => ana?.conversation('c').send(text).acked)));
  await server.clock.until(() => heard.length >= texts.length, 120_000);
  ana?.close();
  luis?.close();
  expect(heard).toEqual(texts);
  return { server, stored: server.log('c').map(({ text }) => text) };
}

const faults: [what: string, spoil: (server: MemoryServer) => void][] = [
  ['a lost acknowledgement', (server: MemoryServer) => void server.faults.loseAcks(2)],
  ['a lost push in mid-stream', (server: MemoryServer) => void server.faults.next({ name: 'message:new', userId: 'luis' }, 'drop')],
  ['commands that come twice', (server: MemoryServer) => void server.faults.next({ name: 'message:send' }, 'duplicate', 3)],
  ['pushes that come twice', (server: MemoryServer) => void server.faults.next({ name: 'message:new' }, 'duplicate', 6)],
  [
    'pushes that overtake each other',
    (server: MemoryServer) => void server.faults.next({ name: 'message:new' }, { delayMs: 300, overtaken: true }),
  ],
  ['a slow wire', (server: MemoryServer) => void server.faults.next({ from: 'client' }, { delayMs: 3_000 }, 3)],
  [
    'a wire that breaks with the acknowledgement',
    (server: MemoryServer) => void server.faults.next({ kind: 'reply', name: 'message:send' }, 'cut'),
  ],
  ['a wire that goes silent', (server: MemoryServer) => void server.faults.next({ name: 'message:send' }, 'halfOpen')],
];

test.each(faults)('%s changes nothing', async (_what, spoil) => {
  const { stored, server } = await written(spoil);
  expect(stored).toEqual(['a', 'b', 'c']);
  expect(server.recorder.frames.some(({ fate }) => fate !== undefined)).toBe(true);
});

test('dice of one seed fall the same way every time', async () => {
  const texts = Array.from({ length: 12 }, (_, i) => `m${i}`);
  const rates = { duplicate: 0.1, delay: 0.2, reorder: 0.2, cut: 0.02 };
  const [one, two] = [
    await written(({ faults }) => void faults.random(rates), texts),
    await written(({ faults }) => void faults.random(rates), texts),
  ];
  expect(one.stored).toEqual(texts);
  expect(one.server.recorder.words()).toEqual(two.server.recorder.words());
  expect(one.server.recorder.frames.some(({ fate }) => fate === 'duplicate')).toBe(true);
});

/** Fails where a push is lost and nothing repairs it in time. */
async function impatient({ server, pick, below }: Run): Promise<void> {
  server.conversation('c', ['ana']);
  const ana = createClient({ ...server.options('ana'), logger: quiet });
  await server.clock.run(ana.connect());
  if (below(5) === 0) server.faults.next({ name: 'message:new' }, 'drop');
  server.say('luis', 'c', pick(['hello', 'hi']));
  await server.clock.advance(50);
  const count = ana.conversation('c').entries.length;
  ana.close();
  if (count !== 1) throw new Error(`${count} entries`);
}

test('a scenario that fails names its seed, and that seed repeats the story', async () => {
  const failure = await explore(impatient, { runs: 60 }).then(
    () => undefined,
    (error) => error,
  );
  expect(failure).toBeInstanceOf(ScenarioError);
  expect(failure.message).toContain(`replay(${failure.seed}, …)`);
  expect(failure.message).toContain('[drop]');
  const again = await replay(failure.seed, impatient).catch((error) => error);
  expect(again.story).toEqual(failure.story);
  expect(again.cause.message).toBe('0 entries');
  await expect(replay(failure.seed + 1, impatient)).resolves.toEqual(await replay(failure.seed + 1, impatient));
});
