// Frames as bytes and back, for clients: the counterpart of protocol/codec.ts without a dependency. vectors.json and the
// property tests hold the two together.

import type { CommandInput, CommandOutput, ErrorBody } from '../protocol/bodies/index.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import { fromTuple, type Shape, toTuple } from '../protocol/tuples.ts';
import { decode } from './decoder.ts';
import { encode } from './encoder.ts';
import { commandLines, errorKind, errorLine, firstCommand, firstPush, pushLines, replyKind } from './wire-table.ts';

type Line = [name: string, slots: Shape, replySlots: Shape];

/** A frame from the server. The slots of a reply can be named only by who knows the command. */
export type ServerFrame =
  | { kind: 'reply'; id: number; slots: readonly unknown[] }
  | { kind: 'error'; id: number; error: ErrorBody }
  | { kind: 'push'; name: PushName; body: unknown }
  | { kind: 'unknown' };

const read = (line: string): unknown[] => JSON.parse(`[${line.replace(/[\w:-]+/g, '"$&"')}]`);
const commands = commandLines.split('\n').map(read) as Line[];
const indexes = new Map(commands.map(([name], index) => [name, index]));
const pushes = pushLines.split('\n').map(read) as Line[];
const errorSlots = read(errorLine)[0] as Shape;

/** @throws TypeError for a command that this version of the SDK does not know, and for values that cannot be sent */
export function encodeCommand<N extends CommandName>(name: N, id: number, body: CommandInput<N>): Uint8Array {
  const index = indexes.get(name);
  if (index === undefined) throw new TypeError(`no command ${name}`);
  return encode([firstCommand + index, id, toTuple(slotsOf(index, 1), body)]);
}

/**
 * Reads a frame. An op number that this version does not know is `unknown`, never an error: servers may be newer.
 * @throws RangeError when the bytes are no MessagePack, or no frame.
 */
export function decodeFrame(bytes: Uint8Array): ServerFrame {
  const frame = decode(bytes);
  if (!Array.isArray(frame) || typeof frame[0] !== 'number') throw new RangeError('a frame is an array that starts with a number');
  const [op, id, slots] = frame;
  if (op === replyKind) return { kind: 'reply', id, slots: listOf(slots) };
  if (op === errorKind) return { kind: 'error', id, error: fromTuple(errorSlots, listOf(slots)) as unknown as ErrorBody };
  const [name, shape] = pushes[op - firstPush] ?? [];
  return name && shape ? { kind: 'push', name: name as PushName, body: fromTuple(shape, listOf(id)) } : { kind: 'unknown' };
}

/** The body of a reply to the command `name`. Lists that the server left out because they are empty are absent. */
export function replyBody<N extends CommandName>(name: N, slots: readonly unknown[]): CommandOutput<N> {
  return fromTuple(slotsOf(indexes.get(name) as number, 2), slots) as CommandOutput<N>;
}

const slotsOf = (index: number, list: 1 | 2): Shape => (commands[index] as Line)[list];

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
