// What strangers may send: every malformed frame has its exact answer, the third one closes, and nobody else notices.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pack } from '../../protocol/codec.ts';
import type { ErrorCode } from '../../protocol/index.ts';
import type { FrameClient } from '../support/frame-client.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { TestServer, telling } from '../support/start-server.ts';
import { signTestToken } from '../support/tokens.ts';

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
const nested = (depth: number, byte: number) => Buffer.concat([Buffer.alloc(depth, byte), Buffer.of(0xc0)]);
/** `message:send` with these bytes of MessagePack as its text. */
const sendWithText = (id: number, text: Buffer) =>
  Buffer.concat([Buffer.of(0x93, 8, id, 0x94), pack(conversationId), pack(randomUUID()), pack('text'), text]);
/** The same with these bytes as metadata. */
const sendWithMetadata = (id: number, metadata: Buffer) =>
  Buffer.concat([
    Buffer.of(0x93, 8, id, 0x96),
    pack(conversationId),
    pack(randomUUID()),
    pack('text'),
    pack('x'),
    Buffer.of(0xc0),
    metadata,
  ]);
const mapOf = (value: Buffer) => Buffer.concat([Buffer.of(0x81, 0xa1, 0x61), value]);

describe('a frame that is none', () => {
  const rows: [name: string, frame: Buffer | string, answeredUnder: number][] = [
    ['empty', Buffer.alloc(0), 0],
    ['a text message', 'hello', 0],
    ['a text message of MessagePack', '\u0093\u0004\u0001', 0],
    ['garbage', hex('ff fe fd fc'), 0],
    ['the reserved byte', hex('c1'), 0],
    ['nil', hex('c0'), 0],
    ['a map', hex('81 a1 61 01'), 0],
    ['an empty array', hex('90'), 0],
    ['an op alone', hex('91 04'), 0],
    ['an id that is a text', hex('93 04 a1 31 90'), 0],
    ['an id of 0', hex('93 04 00 90'), 0],
    ['a negative id', hex('93 04 ff 90'), 0],
    ['an id that is a fraction', hex('93 04 cb 3ff8000000000000 90'), 0],
    ['an id beyond 32 bits', hex('93 04 cf 0000000100000000 90'), 0],
    ['an op that is a text', hex('93 a1 34 07 90'), 7],
    ['an op that is negative', hex('93 ff 07 90'), 7],
    ['a body that is a map', hex('93 04 07 80'), 7],
    ['a body that is a text', hex('93 04 07 a1 61'), 7],
    ['cut in the header', hex('93 04'), 0],
    ['cut in a number', hex('93 04 ce 00'), 0],
    ['cut in a text', hex('93 04 01 91 a5 61 62'), 0],
    ['cut in an array', hex('93 04 01 93 01'), 0],
    ['followed by another frame', hex('93 04 01 90 93 04 02 90'), 0],
    ['nested 10,000 arrays deep', nested(10_000, 0x91), 0],
    ['nested 60,000 arrays deep', nested(60_000, 0x91), 0],
    ['nested maps', Buffer.concat([...Array.from({ length: 3_000 }, () => hex('81 a1 61')), hex('c0')]), 0],
    ['a text of 4 GiB, it says', hex('93 04 01 91 db ffffffff 61'), 0],
    ['an array of 4 Gi values, it says', hex('dd ffffffff 04 01'), 0],
    ['a map of 4 Gi entries, it says', hex('93 04 01 91 df ffffffff'), 0],
    ['an array of 65,535 values, it says', hex('93 04 01 dc ffff c0'), 0],
    ['5,000 values', Buffer.concat([hex('93 04 01 dc 1388'), Buffer.alloc(5_000, 0xc0)]), 0],
    ['a fixed extension', hex('93 04 01 91 d4 01 00'), 0],
    ['a timestamp', hex('93 04 01 91 d6 ff 00000000'), 0],
    ['an extension as msgpackr writes undefined', hex('93 04 01 91 d4 00 00'), 0],
    ['an extension of 4 GiB', hex('93 04 01 91 c9 ffffffff 01'), 0],
    ['a record definition', hex('93 04 01 91 d4 72 40'), 0],
    ['binary', hex('93 04 01 91 c4 01 00'), 0],
    ['a map key that is a number', hex('93 04 01 91 81 01 02'), 0],
    ['a map key that is an array', hex('93 04 01 91 81 90 02'), 0],
    ['the key __proto__', Buffer.concat([hex('93 04 01 91 81'), pack('__proto__'), hex('80')]), 0],
    ['a text that is not UTF-8', sendWithText(1, hex('a2 c3 28')), 0],
    ['an overlong slash', sendWithText(1, hex('a2 c0 af')), 0],
    ['a lone surrogate', sendWithText(1, hex('a3 ed a0 80')), 0],
    ['a lone surrogate in metadata', sendWithMetadata(1, mapOf(hex('a3 ed b0 80'))), 0],
    ['a lone surrogate as a key', sendWithMetadata(1, hex('81 a3 ed a0 80 01')), 0],
  ];

  test.each(rows)('%s: BAD_FRAME, and no more', async (_name, frame, id) => {
    const client = await attacker();
    client.sendRaw(frame);
    await client.settled();
    const [, answer, pong] = client.answers;
    expect(answer).toMatchObject({ id, error: { code: 'BAD_FRAME', retryable: false } });
    expect(pong?.error).toBeUndefined();
    expect(client.answers).toHaveLength(3);
    await client.close();
  });

  test('the third within ten seconds closes 4400, and two do not', async () => {
    const client = await attacker();
    client.sendRaw(hex('c1'));
    client.sendRaw('text');
    await client.settled();
    expect(client.isOpen).toBe(true);
    client.sendRaw(hex('93'));
    client.send('ping', {});
    expect(await client.closed).toMatchObject({ code: 4400 });
    expect(client.answers.slice(1).map(({ error }) => error?.code)).toEqual(['BAD_FRAME', 'BAD_FRAME', undefined, 'BAD_FRAME']);
  });

  test('before auth as well', async () => {
    const client = await server.connect();
    for (let i = 0; i < 3; i++) client.sendRaw(hex('c1'));
    expect(await client.closed).toMatchObject({ code: 4400 });
    expect(client.answers.map(({ error }) => error?.code)).toEqual(['BAD_FRAME', 'BAD_FRAME', 'BAD_FRAME']);
  });

  test('behind auth as well, in its turn', async () => {
    const client = await server.connect();
    client.send('auth', { token: await signTestToken({ userId: 'hasty' }) });
    for (let i = 0; i < 3; i++) client.sendRaw(hex('c1'));
    expect(await client.closed).toMatchObject({ code: 4400 });
    expect(client.answers.map(({ error }) => error?.code)).toEqual([undefined, 'BAD_FRAME', 'BAD_FRAME', 'BAD_FRAME']);
  });
});

describe('a command that is none', () => {
  test.each([0, 1, 6, 64, 76, 94, 255, 65_536])('op %i is unknown, and no bad frame', async (op) => {
    const client = await attacker();
    for (let id = 101; id <= 104; id++) client.sendRaw(pack([op, id, []]));
    await client.settled();
    expect(client.answers.slice(1, 5).map(({ id, error }) => [id, error?.code])).toEqual(
      [101, 102, 103, 104].map((id) => [id, 'UNKNOWN_COMMAND']),
    );
    await client.close();
  });

  test.each(['message:edit', 'agent:takeover', 'notification:publish', 'admin:stats', 'user:expel'] as const)(
    '%s is not offered on /app',
    async (name) => {
      const client = await attacker();
      expect(await client.refusal(name, {} as never)).toBe('UNKNOWN_COMMAND');
      await client.close();
    },
  );

  test('before auth nothing else is answered', async () => {
    const client = await server.connect();
    expect(await client.refusal('ping', {})).toBe('NOT_AUTHENTICATED');
    expect(await client.refusal('conversation:history', { conversationId })).toBe('NOT_AUTHENTICATED');
    client.sendRaw(pack([9_999, 77, []]));
    expect((await client.answer(77)).error?.code).toBe('NOT_AUTHENTICATED');
    expect(await client.refusal('auth', { token: await signTestToken({ userId: 'late' }) })).toBeUndefined();
    expect(await client.refusal('auth', { token: await signTestToken({ userId: 'late' }) })).toBe('NOT_AUTHENTICATED');
    expect(await client.refusal('ping', {})).toBeUndefined();
    await client.close();
  });
});

describe('a body that breaks its schema', () => {
  const id = () => ({ conversationId, messageId: randomUUID() });
  const wrong: [string, Parameters<FrameClient['exchange']>][] = [
    ['no body', ['message:send', {}]],
    ['a conversation id with a slash', ['message:send', { ...id(), conversationId: 'a/b', type: 'text', text: 'x' }]],
    ['a conversation id of 129 characters', ['message:send', { ...id(), conversationId: 'c'.repeat(129), type: 'text', text: 'x' }]],
    ['a messageId that is no UUID', ['message:send', { ...id(), messageId: 'one', type: 'text', text: 'x' }]],
    ['a messageId in capitals', ['message:send', { ...id(), messageId: randomUUID().toUpperCase(), type: 'text', text: 'x' }]],
    ['a messageId that is almost one', ['message:send', { ...id(), messageId: `${randomUUID().slice(0, 35)}g`, type: 'text', text: 'x' }]],
    ['the type system', ['message:send', { ...id(), type: 'system' as 'text', text: 'x' }]],
    ['an unknown type', ['message:send', { ...id(), type: 'video' as 'text', text: 'x' }]],
    ['a text that is a number', ['message:send', { ...id(), type: 'text', text: 5 as unknown as string }]],
    ['8,001 characters', ['message:send', { ...id(), type: 'text', text: 'x'.repeat(8_001) }]],
    ['NUL in a mediaId', ['message:send', { ...id(), type: 'image', mediaId: 'a\0b' }]],
    ['metadata that is a list', ['message:send', { ...id(), type: 'text', text: 'x', metadata: [] as never }]],
    ['NUL in metadata', ['message:send', { ...id(), type: 'text', text: 'x', metadata: { a: '\0' } }]],
    ['NUL in a key', ['message:send', { ...id(), type: 'text', text: 'x', metadata: { '\0': 1 } }]],
    ['NaN', ['message:send', { ...id(), type: 'text', text: 'x', metadata: { a: Number.NaN } }]],
    ['infinity', ['message:send', { ...id(), type: 'text', text: 'x', metadata: { a: Number.POSITIVE_INFINITY } }]],
    ['2^53 as a float', ['message:send', { ...id(), type: 'text', text: 'x', metadata: { a: 2 ** 53 } }]],
    ['metadata of depth 5', ['message:send', { ...id(), type: 'text', text: 'x', metadata: { a: { b: { c: { d: { e: 1 } } } } } }]],
    ['4 KiB of metadata and a byte', ['message:send', { ...id(), type: 'text', text: 'x', metadata: { a: 'x'.repeat(4_089) } }]],
    ['a negative ifLastSeq', ['message:send', { ...id(), type: 'text', text: 'x', ifLastSeq: -1 }]],
    ['ifLastSeq beyond 2^53', ['message:send', { ...id(), type: 'text', text: 'x', ifLastSeq: 2 ** 53 }]],
    ['ownerEpoch beyond 32 bits', ['message:send', { ...id(), type: 'text', text: 'x', ownerEpoch: 2 ** 31 }]],
    ['a fraction as seq', ['conversation:read', { conversationId, seq: 1.5 }]],
    ['neither seq nor messageId', ['conversation:read', { conversationId: 'none' }]],
    ['a limit of 0', ['conversation:history', { conversationId, limit: 0 }]],
    ['a limit of 101', ['conversation:history', { conversationId, limit: 101 }]],
    ['both directions', ['conversation:history', { conversationId, beforeSeq: 5, afterSeq: 1 }]],
    ['101 joins', ['join:conversation', { conversationId, others: Array.from({ length: 100 }, () => ({ conversationId })) }]],
    ['501 positions', ['sync:state', { positions: Array.from({ length: 501 }, (_, i) => ({ conversationId: `c${i}` })) }]],
    ['a join that is no word of ours', ['sync:state', { positions: [], join: 'all' as 'mine' }]],
    ['nothing delivered', ['conversation:delivered', { conversations: [] }]],
    ['a member twice', ['conversation:create', { channel: 'web', members: ['a', 'a'] }]],
    ['101 members', ['conversation:create', { channel: 'web', members: Array.from({ length: 101 }, (_, i) => `m${i}`) }]],
    ['NUL in a member', ['conversation:create', { channel: 'web', members: ['a\0b'] }]],
    ['NUL in a subject', ['conversation:create', { channel: 'web', members: [], subject: 'a\0b' }]],
    ['a channel in capitals', ['conversation:create', { channel: 'Web', members: [] }]],
    ['a token that is too long', ['auth:refresh', { token: 'x'.repeat(16_385) }]],
    ['a cursor that is none', ['conversation:list', { cursor: 'one' }]],
    ['a cursor with NUL', ['conversation:list', { cursor: '1\0' }]],
    ['a cursor of another list', ['conversation:list', { cursor: '1_2_3_4_5' }]],
    ['a cursor beyond all numbers', ['conversation:list', { cursor: `${'9'.repeat(16)}_${'9'.repeat(16)}` }]],
  ];

  test.each(wrong)('%s: INVALID_BODY', async (_name, [name, body]) => {
    const client = await attacker();
    const { error } = await client.exchange(name, body);
    // What cannot be looked up is refused before or behind the look-up, but never INTERNAL.
    expect(error).toMatchObject({ retryable: false });
    expect(['INVALID_BODY', ...(name === 'conversation:read' ? ['NOT_FOUND'] : [])]).toContain(error?.code);
    expect(client.isOpen).toBe(true);
    await client.close();
  });

  test.each<[string, Buffer, ErrorCode]>([
    ['an integer of 64 bits in metadata', sendWithMetadata(9, mapOf(hex('cf ffffffffffffffff'))), 'INVALID_BODY'],
    ['2^53+1 in metadata', sendWithMetadata(9, mapOf(hex('cf 0020000000000001'))), 'INVALID_BODY'],
    ['-2^63 in metadata', sendWithMetadata(9, mapOf(hex('d3 8000000000000000'))), 'INVALID_BODY'],
    ['NaN as float 32 in metadata', sendWithMetadata(9, mapOf(hex('ca 7fc00000'))), 'INVALID_BODY'],
    ['too few slots', pack([8, 9, [conversationId]]), 'INVALID_BODY'],
    ['a nested slot that is no array', pack([25, 9, [null, [5, 'x', null]]]), 'INVALID_BODY'],
    ['a list that is a map', pack([20, 9, [{ a: 1 }]]), 'INVALID_BODY'],
  ])('%s: INVALID_BODY under its id', async (_name, frame, code) => {
    const client = await attacker();
    client.sendRaw(frame);
    expect((await client.answer(9)).error?.code).toBe(code);
    await client.close();
  });

  test('extra trailing slots are ignored, integers may come as floats', async () => {
    const client = await attacker();
    client.sendRaw(pack([4, 9, [1, 2, 3]]));
    client.sendRaw(hex('93 cb 4010000000000000 cb 4024000000000000 90'));
    expect((await client.answer(9)).error).toBeUndefined();
    expect((await client.answer(10)).error).toBeUndefined();
    await client.close();
  });
});

test('no answer to any of this held what the bystander wrote', async () => {
  const { entries } = await bystander.request('conversation:history', { conversationId, limit: 100 });
  expect(entries.length).toBeGreaterThan(50);
  expect(entries.every(({ sender }) => sender === 'service')).toBe(true);
});
