// Frames as bytes and back, for clients: the counterpart of protocol/codec.ts without a dependency. vectors.json and the
// property tests hold the two together.

import type { CommandInput, CommandOutput, ErrorBody } from '../protocol/bodies/index.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import { fromTuple, type Shape, toTuple } from '../protocol/tuples.ts';
import { decode } from './decoder.ts';
import { encode } from './encoder.ts';
import { firstPush, lines } from './wire-table.ts';

type Line = [name: string, slots: Shape, replySlots: Shape];

/** A frame from the server. The slots of a reply can be named only by who knows the command. */
export type ServerFrame =
  | { kind: 'reply'; id: number; slots: readonly unknown[] }
  | { kind: 'error'; id: number; error: ErrorBody }
  | { kind: 'push'; name: PushName; body: unknown }
  | { kind: 'unknown' };

/** By op number. */
const table = lines.split('\n').map((line) => JSON.parse(`[${line.replace(/[\w:-]+/g, '"$&"')}]`) as Line);

/** Without the pushes: some are called like a command. */
const ops = new Map(table.slice(0, firstPush).map(([name], op) => [name, op]));

/** @throws TypeError for a command that this version of the SDK does not know, and for values that cannot be sent */
export function encodeCommand<N extends CommandName>(name: N, id: number, body: CommandInput<N>): Uint8Array {
  const op = ops.get(name) ?? 0;
  const [, slots] = table[op] as Line;
  if (!slots) throw new TypeError(`no command ${name}`);
  return encode([op, id, toTuple(slots, body)]);
}

/**
 * Reads a frame. An op number that this version does not know is `unknown`, never an error: servers may be newer.
 * @throws RangeError when the bytes are no MessagePack, or no frame.
 */
export function decodeFrame(bytes: Uint8Array): ServerFrame {
  const frame = decode(bytes);
  if (!Array.isArray(frame) || typeof frame[0] !== 'number') throw new RangeError('malformed');
  const [op, id, slots] = frame;
  const [name, shape] = table[op] ?? [];
  if (name === 'reply') return { kind: name, id, slots: listOf(slots) };
  if (name === 'error') return { kind: name, id, error: fromTuple(shape as Shape, listOf(slots)) as unknown as ErrorBody };
  return shape && op >= firstPush ? { kind: 'push', name: name as PushName, body: fromTuple(shape, listOf(id)) } : { kind: 'unknown' };
}

/** The body of a reply to the command `name`. Lists that the server left out because they are empty are absent. */
export function replyBody<N extends CommandName>(name: N, slots: readonly unknown[]): CommandOutput<N> {
  return fromTuple((table[ops.get(name) as number] as Line)[2], slots) as CommandOutput<N>;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
