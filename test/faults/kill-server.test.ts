// The server is killed with -9 twice while four processes send and one follows. What the follower prints must be what was
// acknowledged: once each, in the order of the log.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, type Running, startUtalk, temporaryDataDir } from '../support/processes.ts';

const senders = 4;
const count = 250;
const total = senders * count;
const conversation = 'killed';

const data = temporaryDataDir();
let environment: Record<string, string>;
let server: Running;

async function startServer(): Promise<void> {
  server = startUtalk(['serve'], environment);
  await server.line((line) => line.startsWith('WebSocket:'));
}

beforeAll(async () => {
  environment = {
    PORT: String(await freePort()),
    HTTP_PORT: String(await freePort()),
    UTALK_DATA_DIR: data.directory,
    UTALK_RATE_PROFILE: 'bench',
    LOG_LEVEL: 'warn',
  };
  await startServer();
}, 60_000);

afterAll(async () => {
  server.process.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  await data.remove();
}, 60_000);

test('what was acknowledged is in the log once and in order, whatever happens to the server', { timeout: 120_000 }, async () => {
  const created = startUtalk(['send', '--create', '--conversation', conversation, '--text', 'first', '--json'], environment);
  expect(await created.ended, created.errors()).toBe(0);
  const tail = startUtalk(['tail', '--conversation', conversation, '--after-seq', '1', '--count', String(total), '--json'], environment);
  const sending = Array.from({ length: senders }, (_, i) =>
    startUtalk(
      [
        'send',
        '--conversation',
        conversation,
        '--text',
        `sender ${i} message {n}`,
        '--count',
        String(count),
        '--connections',
        '10',
        '--timeout',
        '100s',
        '--json',
      ],
      environment,
    ),
  );
  let kills = 0;
  await new Promise<void>((resolve) => {
    const acked = () => sending.reduce((sum, one) => sum + one.lines.length, 0);
    const watch = async () => {
      if (kills === 2 || acked() < ((kills + 1) * total) / 3) return;
      kills++;
      const dead = server;
      dead.process.kill('SIGKILL');
      await dead.ended;
      await startServer();
      if (kills === 2) resolve();
    };
    let watching = Promise.resolve();
    for (const one of sending) one.process.stdout?.on('data', () => (watching = watching.then(watch)));
  });
  for (const one of sending) expect(await one.ended, one.errors()).toBe(0);
  expect(await tail.ended, tail.errors()).toBe(0);

  const acks = sending.flatMap((one) => one.lines.map((line) => JSON.parse(line) as { seq: number; id: string; messageId: string }));
  const entries = tail.lines.map((line) => JSON.parse(line) as { seq: number; id: string; messageId: string; text: string });
  expect(kills).toBe(2);
  expect(acks).toHaveLength(total);
  const identity = (one: { seq: number; id: string; messageId: string }) => `${one.seq} ${one.id} ${one.messageId}`;
  expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: total }, (_, i) => i + 2));
  expect(entries.map(identity)).toEqual(acks.toSorted((a, b) => a.seq - b.seq).map(identity));
  expect(new Set(entries.map((entry) => entry.text)).size).toBe(total);
});
