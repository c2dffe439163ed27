import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandBodies } from '../../../protocol/bodies/commands.ts';
import { ErrorBody, pushBodies } from '../../../protocol/bodies/pushes.ts';
import {
  commandBody,
  decodeCommand,
  decodePush,
  encodeCommand,
  encodeError,
  encodePush,
  encodeReply,
  pack,
  unpack,
} from '../../../protocol/codec.ts';
import {
  type CommandName,
  commandNames,
  commandOps,
  commandSlots,
  errorKind,
  errorSlots,
  fromTuple,
  type PushName,
  pushNames,
  pushOps,
  pushSlots,
  replyKind,
  replySlots,
  type Shape,
  type Slot,
  scanFrame,
} from '../../../protocol/index.ts';
import vectors from '../../../protocol/vectors.json' with { type: 'json' };
import { bytes } from '../../../script/vectors/byte-writer.ts';
import { compileCheck } from './compile-check.ts';

type Vector = { name: string; direction: string; op: string; id: number; body: Record<string, unknown>; hex: string };
const frames = vectors.frames as unknown as Vector[];
const directed = (direction: string) => frames.filter((frame) => frame.direction === direction);

function encoded({ direction, op, id, body }: Vector): Buffer {
  if (direction === 'command') return encodeCommand(op as CommandName, id, body as never);
  if (direction === 'reply') return encodeReply(op as CommandName, id, body as never);
  if (direction === 'error') return encodeError(id, body as never);
  return encodePush(op as PushName, body as never);
}

function schemaOf({ direction, op }: Vector) {
  if (direction === 'command') return commandBodies[op as CommandName].input;
  if (direction === 'reply') return commandBodies[op as CommandName].output;
  return direction === 'error' ? ErrorBody : pushBodies[op as PushName];
}

describe('vectors.json', () => {
  test.each(frames)('$direction $name is encoded as frozen, passes the scan and its schema', (vector) => {
    expect(encoded(vector).toString('hex')).toBe(vector.hex);
    expect(scanFrame(bytes(vector.hex))).toBeUndefined();
    expect(compileCheck(schemaOf(vector))(vector.body)).toBe(true);
  });

  test.each(directed('command'))('command $name is decoded', ({ op, id, body, hex }) => {
    const command = decodeCommand(bytes(hex));
    expect([command.op, command.id]).toEqual([commandOps[op as CommandName], id]);
    expect(commandBody(op as CommandName, command.slots)).toEqual(body);
  });

  test.each(directed('reply'))('$name is decoded', ({ op, id, body, hex }) => {
    const [kind, replied, slots] = unpack(bytes(hex)) as [number, number, unknown[]];
    expect([kind, replied, fromTuple(replySlots[op as CommandName], slots)]).toEqual([replyKind, id, body]);
  });

  test.each(directed('error'))('$name is decoded', ({ id, body, hex }) => {
    const [kind, refused, slots] = unpack(bytes(hex)) as [number, number, unknown[]];
    expect([kind, refused, fromTuple(errorSlots, slots)]).toEqual([errorKind, id, body]);
  });

  test.each(directed('push'))('push $name is decoded', ({ op, body, hex }) => {
    expect((unpack(bytes(hex)) as number[])[0]).toBe(pushOps[op as PushName]);
    expect(decodePush(op as PushName, bytes(hex))).toEqual(body);
  });

  test.each(vectors.accepted)('$name is read all the same', ({ op, id, body, hex }) => {
    const command = decodeCommand(bytes(hex));
    expect([commandNames.get(command.op), command.id]).toEqual([op, id]);
    expect(commandBody(op as CommandName, command.slots)).toEqual(body);
  });

  test('has every command, every push, and every slot of every shape, so that none can move unseen', () => {
    const shapes: Record<string, Readonly<Record<string, Shape>>> = { command: commandSlots, reply: replySlots, push: pushSlots };
    const seen = new Map<Shape, Set<string>>();
    for (const { direction, op, body } of frames) notePresent(seen, shapes[direction]?.[op] ?? errorSlots, body);
    const missing = [...seen].flatMap(([shape, names]) => shape.map(slotName).filter((name) => !names.has(name)));
    expect(missing).toEqual([]);
    const shown = (direction: string) => new Set(directed(direction).map(({ op }) => op));
    expect(shown('command')).toEqual(new Set(Object.keys(commandOps)));
    expect(shown('push')).toEqual(new Set(Object.keys(pushOps)));
    const unshown = Object.values(replySlots).filter((shape) => !seen.has(shape));
    expect(unshown).toEqual([]);
  });
});

const slotName = (slot: Slot) => (typeof slot === 'string' ? slot : slot[0]);

/** Notes which slots of a shape, and of the shapes inside it, a body fills. */
function notePresent(seen: Map<Shape, Set<string>>, shape: Shape, body: Record<string, unknown>): void {
  const names = seen.get(shape) ?? new Set();
  seen.set(shape, names);
  for (const slot of shape) {
    const value = body[slotName(slot)];
    if (value === undefined) continue;
    names.add(slotName(slot));
    if (typeof slot !== 'string') for (const item of [value].flat()) notePresent(seen, slot[1], item as Record<string, unknown>);
  }
}

describe('numbers', () => {
  test('commands and pushes have numbers of their own, apart from the kinds of answers', () => {
    const commands = Object.values(commandOps);
    const pushes = Object.values(pushOps);
    const all = [replyKind, errorKind, ...commands, ...pushes];
    expect(new Set(all).size).toBe(all.length);
    expect(Math.max(...commands)).toBeLessThan(64);
    expect(Math.min(...pushes)).toBeGreaterThanOrEqual(64);
    expect([commandNames.get(8), pushNames.get(64), commandNames.get(64), pushNames.get(8)]).toEqual([
      'message:send',
      'message:new',
      undefined,
      undefined,
    ]);
  });

  test.each([
    ['2^32−1', 0xffff_ffff, 'ceffffffff'],
    ['2^32, a float from here on', 0x1_0000_0000, 'cb41f0000000000000'],
    ['a time', 1_790_000_000_123, 'cb427a0c4506c7b000'],
    ['2^53−1', Number.MAX_SAFE_INTEGER, 'cb433fffffffffffff'],
    ['−1', -1, 'ff'],
    ['−2^31', -0x8000_0000, 'd280000000'],
  ])('%s is written in one way', (_, value, hex) => {
    expect(pack(value).toString('hex')).toBe(hex);
    expect(unpack(bytes(hex))).toBe(value);
  });

  test('64-bit integers are read as numbers, never as BigInt', () => {
    expect(unpack(bytes('cf001fffffffffffff'))).toBe(Number.MAX_SAFE_INTEGER);
    expect(typeof unpack(bytes('cfffffffffffffffff'))).toBe('number');
    expect(typeof unpack(bytes('d38000000000000000'))).toBe('number');
  });
});

describe('absent slots', () => {
  test('undefined is nil in the middle and nothing at the end, never an extension', () => {
    const frame = encodeCommand('conversation:history', 1, { conversationId: 'a', beforeSeq: undefined, afterSeq: 1, limit: undefined });
    expect(unpack(frame)).toEqual([18, 1, ['a', null, 1]]);
    const body = { conversationId: 'a', metadata: { gone: undefined, kept: 1 }, messageId: 'm', type: 'text' };
    expect(scanFrame(encodeCommand('message:send', 1, body as never))).toBeUndefined();
  });

  test('a frame that was packed stays as it was when more frames follow', () => {
    const first = encodePush('alive', { serverTime: 1 });
    const before = first.toString('hex');
    for (let i = 0; i < 10_000; i++) encodePush('alive', { serverTime: i });
    expect(first.toString('hex')).toBe(before);
  });
});

describe('texts', () => {
  test('any well-formed text survives the wire', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 9_000 }), (text) => {
        const frame = encodeCommand('message:send', 7, { conversationId: 'a', messageId: 'm', type: 'text', text });
        const command = decodeCommand(frame);
        expect(commandBody('message:send', command.slots)).toEqual({ conversationId: 'a', messageId: 'm', type: 'text', text });
      }),
      { numRuns: 200 },
    );
  });
});
