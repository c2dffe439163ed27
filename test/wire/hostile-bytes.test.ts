// Bytes that are meant to hurt: values that spoil a batch, sizes, frames that no library sends, commands with bytes changed at
// random. Whoever sends them is answered or cut; the others are served as ever.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeCommand } from '../../protocol/codec.ts';
import { type ErrorCode, limits } from '../../protocol/index.ts';
import vectors from '../../protocol/vectors.json' with { type: 'json' };
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';
import { opcodes, RawConnection } from './raw-connection.ts';

let postgres: TestPostgres;
let server: TestServer;
/** Somebody else, whose conversation lives on meanwhile. */
let bystander: FrameClient;
const conversationId = 'bystander';
let attacks = 0;

beforeAll(async () => {
  postgres = await startTestPostgres();
  server = await TestServer.start(postgres);
  bystander = await server.client({ userId: 'service', role: 'service' });
  await bystander.request('conversation:create', { id: conversationId, channel: 'web', members: [] });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

/** The bystander is served as ever. */
afterEach(async () => {
  const { seq } = await bystander.request('message:send', { conversationId, messageId: randomUUID(), ...telling('still here') });
  expect(seq).toBeGreaterThan(0);
});

/** Each attack by a user of its own, so that none is refused for its rate. */
const attacker = () => server.client({ userId: `attacker-${++attacks}` });
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('values that would poison a batch', () => {
  const others = 5;

  test('afterId that is no id: only its own request suffers', async () => {
    const clients = await Promise.all(Array.from({ length: others + 1 }, (_, i) => server.client({ userId: `joiner-${i}` })));
    const [poisoner, ...honest] = clients as [FrameClient, ...FrameClient[]];
    const ids = await Promise.all(
      clients.map(async (client) => {
        const { conversation } = await client.request('conversation:create', { channel: 'web', members: [] });
        await client.request('message:send', { conversationId: conversation.id, messageId: randomUUID(), ...telling('one') });
        return conversation.id;
      }),
    );
    for (const afterId of ['nonsense', 'a\0b', "';--", '{}', '00000000-0000-0000-0000-00000000000g']) {
      const joins = honest.map((client, i) => client.exchange('join:conversation', { conversationId: ids[i + 1] as string, afterSeq: 0 }));
      const poisoned = await poisoner.exchange('join:conversation', { conversationId: ids[0] as string, afterSeq: 1, afterId });
      expect(poisoned.error?.code, afterId).not.toBe('INTERNAL');
      expect(poisoned.error?.code, afterId).not.toBe('UNAVAILABLE');
      for (const { error } of await Promise.all(joins)) expect(error).toBeUndefined();
    }
    await Promise.all(clients.map((client) => client.close()));
  });

  test.each<[string, (client: FrameClient) => Promise<ErrorCode | undefined>, ErrorCode | undefined]>([
    ['afterSeq', (c) => c.refusal('join:conversation', { conversationId: 'limits', afterSeq: Number.MAX_SAFE_INTEGER }), undefined],
    ['beforeSeq', (c) => c.refusal('conversation:history', { conversationId: 'limits', beforeSeq: Number.MAX_SAFE_INTEGER }), undefined],
    [
      'afterSeq of history',
      (c) => c.refusal('conversation:history', { conversationId: 'limits', afterSeq: Number.MAX_SAFE_INTEGER }),
      undefined,
    ],
    ['read', (c) => c.refusal('conversation:read', { conversationId: 'limits', seq: Number.MAX_SAFE_INTEGER }), 'INVALID_BODY'],
    [
      'delivered',
      async (c) => {
        const reply = await c.request('conversation:delivered', {
          conversations: [{ conversationId: 'limits', seq: Number.MAX_SAFE_INTEGER }],
        });
        return reply.refused?.[0]?.code as ErrorCode;
      },
      'INVALID_BODY',
    ],
    [
      'ifLastSeq',
      (c) =>
        c.refusal('message:send', {
          conversationId: 'limits',
          messageId: randomUUID(),
          ...telling('x'),
          ifLastSeq: Number.MAX_SAFE_INTEGER,
        }),
      undefined,
    ],
    ['notificationsAfterSeq', (c) => c.refusal('sync:state', { positions: [], notificationsAfterSeq: Number.MAX_SAFE_INTEGER }), undefined],
  ])('the greatest %s', async (_name, act, expected) => {
    const client = await server.client({ userId: 'limits' });
    await client.request('conversation:create', { id: 'limits', channel: 'web', members: [] });
    expect(await act(client)).toBe(expected);
    await client.close();
  });

  test('texts that PostgreSQL, JSON or a terminal might choke on are stored as they are', async () => {
    const client = await server.client({ userId: 'writer' });
    const { conversation } = await client.request('conversation:create', { channel: 'web', members: [] });
    const texts = [
      "'; drop table utalk.entries; --",
      '{"a":1}',
      '{a,b,"c"}',
      '\\x00 \\u0000 \\',
      '"\\"',
      'NULL',
      '\u0001\u001b[31m',
      '\u{10ffff}\ufffe',
      '%s %n',
      'a\u2028b\u2029c',
      '""',
    ];
    for (const text of texts) {
      const metadata = { [text]: text, n: null, list: [text, [text]] };
      await client.request('message:send', {
        conversationId: conversation.id,
        messageId: randomUUID(),
        type: 'text',
        text,
        mediaId: text,
        metadata,
      });
    }
    const { entries } = await client.request('conversation:history', { conversationId: conversation.id });
    expect(entries.map(({ text }) => text)).toEqual(texts);
    expect(entries.map(({ mediaId }) => mediaId)).toEqual(texts);
    expect(entries.map(({ metadata }) => metadata)).toEqual(texts.map((text) => ({ [text]: text, n: null, list: [text, [text]] })));
    await client.close();
  });
});

describe('size', () => {
  const call = (id: number, bytes: number) => {
    const overhead = encodeCommand('call', id, { name: 'x', body: { text: 'x'.repeat(bytes - 30) } }).length - (bytes - 30);
    return encodeCommand('call', id, { name: 'x', body: { text: 'x'.repeat(bytes - overhead) } });
  };

  test('64 KiB are taken; a byte more is TOO_LARGE under its id, up to twice that', async () => {
    const client = await attacker();
    for (const [id, bytes] of [
      [101, limits.maxFrameBytes],
      [102, limits.maxFrameBytes + 1],
      [103, limits.cutFrameBytes],
    ] as const) {
      const frame = call(id, bytes);
      expect(frame.length).toBe(bytes);
      client.sendRaw(frame);
    }
    expect((await client.answer(101)).error?.code).toBe('UNKNOWN_COMMAND');
    expect((await client.answer(102)).error).toMatchObject({ code: 'TOO_LARGE', retryable: false });
    expect((await client.answer(103)).error?.code).toBe('TOO_LARGE');
    expect(await client.refusal('ping', {})).toBeUndefined();
    await client.close();
  });

  test('a frame that is too large and no command is answered under 0', async () => {
    const client = await attacker();
    client.sendRaw(Buffer.alloc(limits.maxFrameBytes + 1, 0xff));
    await client.settled();
    expect(client.answers[1]).toMatchObject({ id: 0, error: { code: 'TOO_LARGE' } });
    await client.close();
  });

  test('beyond twice that the connection is cut', async () => {
    const client = await attacker();
    client.sendRaw(call(101, limits.cutFrameBytes + 1));
    expect([1006, 1009]).toContain((await client.closed).code);
    expect(client.answers).toHaveLength(1);
  });

  test('a frame that only says it is huge cuts the connection, before its bytes come', async () => {
    const raw = await RawConnection.connect(server.url);
    raw.frame(opcodes.binary, Buffer.alloc(10), { length: 2 ** 40 });
    expect(await raw.closed).toBe(1006);
  });

  test('fragments are counted together', async () => {
    const raw = await RawConnection.connect(server.url);
    raw.frame(opcodes.binary, Buffer.alloc(60_000), { final: false });
    for (let i = 0; i < 3; i++) raw.frame(opcodes.continuation, Buffer.alloc(60_000), { final: false });
    expect([1006, 1009]).toContain(await raw.closed);
    expect(raw.frames).toEqual([]);
  });
});

describe('frames that no library sends', () => {
  test.each<[string, (raw: RawConnection) => void]>([
    ['with reserved bits', (raw) => raw.write(Buffer.of(0xf2, 0x80, 0, 0, 0, 0))],
    ['with a reserved opcode', (raw) => raw.frame(5, Buffer.of(1))],
    ['a continuation of nothing', (raw) => raw.frame(opcodes.continuation, Buffer.of(1))],
    ['a control frame in pieces', (raw) => raw.frame(opcodes.ping, Buffer.of(1), { final: false })],
    ['a control frame that is too long', (raw) => raw.frame(opcodes.ping, Buffer.alloc(126))],
    ['a text that is not UTF-8', (raw) => raw.frame(opcodes.text, hex('c3 28'))],
    ['garbage', (raw) => raw.write(Buffer.alloc(1_000, 0xff))],
  ])('%s: the connection ends, and only this one', async (_name, send) => {
    const raw = await RawConnection.connect(server.url);
    send(raw);
    expect([1002, 1006, 1007]).toContain(await raw.closed);
  });

  test('a command in three pieces is a command', async () => {
    const raw = await RawConnection.connect(server.url);
    const frame = encodeCommand('auth', 1, { token: await signTestToken({ userId: 'pieces' }) });
    raw.frame(opcodes.binary, frame.subarray(0, 5), { final: false });
    raw.frame(opcodes.continuation, frame.subarray(5, 9), { final: false });
    raw.frame(opcodes.ping, Buffer.of(1));
    raw.frame(opcodes.continuation, frame.subarray(9));
    await raw.arrived(1);
    expect(raw.frames[0]?.[1]).toBe(0);
    raw.destroy();
  });
});

test('thousands of commands with a few bytes changed: each is answered or closes its own connection, none is a fault of the server', async () => {
  const random = randomFrom(20_261_122);
  const commands = vectors.frames.filter(({ direction, op }) => direction === 'command' && op !== 'auth').map(({ hex: text }) => hex(text));
  let sent = 0;
  while (sent < 6_000) {
    const client = await server.client({ userId: `fuzzer-${sent}`, role: sent % 2 === 0 ? 'service' : 'agent' });
    for (let i = 0; i < 150 && client.isOpen; i++) {
      client.sendRaw(mutated(commands[random(commands.length)] as Buffer, random));
      sent++;
      if (i % 25 === 24) await client.exchange('ping', {}).catch(() => {});
    }
    await client.close();
    expect([1000, 1005, 4400]).toContain((await client.closed).code);
  }
  expect(server.app.node.dispatch.counts.errors.get('INTERNAL')).toBeUndefined();
});

/** The frame with one to three bytes replaced, inserted or removed, behind its first three. */
function mutated(frame: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(frame);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = Math.min(bytes.length, 3 + random(Math.max(1, bytes.length - 3)));
    const kind = random(3);
    const byte = Buffer.of(random(256));
    bytes = Buffer.concat([bytes.subarray(0, at), kind === 0 ? Buffer.alloc(0) : byte, bytes.subarray(kind === 2 ? at : at + 1)]);
  }
  return bytes;
}

/** Deterministic, so that what was found can be found again (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
