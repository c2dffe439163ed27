// Frames as bytes and back, for clients: the counterpart of protocol/codec.ts without a dependency. vectors.json and the
// property tests hold the two together.

import type { CommandInput, CommandOutput, ErrorBody } from '../protocol/bodies/index.ts';
import { type CommandName, commandOps, errorKind, type PushName, pushNames, replyKind } from '../protocol/ops.ts';
import { commandSlots, errorSlots, pushSlots, replySlots } from '../protocol/slots.ts';
import { fromTuple, toTuple } from '../protocol/tuples.ts';
import { decode } from './decoder.ts';
import { encode } from './encoder.ts';

/** A frame from the server. The slots of a reply can be named only by who knows the command. */
export type ServerFrame =
  | { kind: 'reply'; id: number; slots: readonly unknown[] }
  | { kind: 'error'; id: number; error: ErrorBody }
  | { kind: 'push'; name: PushName; body: unknown }
  | { kind: 'unknown' };

export function encodeCommand<N extends CommandName>(name: N, id: number, body: CommandInput<N>): Uint8Array {
  return encode([commandOps[name], id, toTuple(commandSlots[name], body)]);
}

/**
 * Reads a frame. An op number that this version does not know is `unknown`, never an error: servers may be newer.
 * @throws RangeError when the bytes are no MessagePack, or no frame.
 */
export function decodeFrame(bytes: Uint8Array): ServerFrame {
  const frame = decode(bytes);
  if (!Array.isArray(frame) || typeof frame[0] !== 'number') throw new RangeError('a frame is an array that starts with a number');
  const op: number = frame[0];
  if (op === replyKind) return { kind: 'reply', id: frame[1], slots: slotsOf(frame[2]) };
  if (op === errorKind) return { kind: 'error', id: frame[1], error: fromTuple(errorSlots, slotsOf(frame[2])) as unknown as ErrorBody };
  const name = pushNames.get(op);
  return name ? { kind: 'push', name, body: fromTuple(pushSlots[name], slotsOf(frame[1])) } : { kind: 'unknown' };
}

/** The body of a reply to the command `name`. Lists that the server left out because they are empty are absent. */
export function replyBody<N extends CommandName>(name: N, slots: readonly unknown[]): CommandOutput<N> {
  return fromTuple(replySlots[name], slots) as CommandOutput<N>;
}

function slotsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
