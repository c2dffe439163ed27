// Frames as a server reads and writes them, by the protocol's tables and the codec of the SDK.

import type { CommandOutput, ErrorBody, PushBody } from '../../protocol/bodies/index.ts';
import { type CommandName, commandNames, errorKind, type PushName, pushOps, replyKind } from '../../protocol/ops.ts';
import { commandSlots, errorSlots, pushSlots, replySlots } from '../../protocol/slots.ts';
import { fromTuple, toTuple } from '../../protocol/tuples.ts';
import { decode } from '../decoder.ts';
import { encode } from '../encoder.ts';

/** A command as it came. `name` is absent for an op that nobody assigned. */
export interface CommandFrame {
  id: number;
  name: CommandName | undefined;
  body: Record<string, unknown>;
}

/** @throws RangeError for bytes that are no command frame */
export function decodeCommand(bytes: Uint8Array): CommandFrame {
  const frame = decode(bytes);
  if (!Array.isArray(frame) || !isUint32(frame[0]) || !isUint32(frame[1]) || frame[1] === 0)
    throw new RangeError('a command is an array of op, request id and body');
  const [op, id, slots] = frame;
  if (slots !== undefined && slots !== null && !Array.isArray(slots)) throw new RangeError('the body must be an array');
  const name = commandNames.get(op);
  return { id, name, body: name ? fromTuple(commandSlots[name], slots ?? []) : {} };
}

export function encodeReply<N extends CommandName>(name: N, id: number, body: CommandOutput<N>): Uint8Array {
  return encode([replyKind, id, toTuple(replySlots[name], body)]);
}

export function encodeError(id: number, body: ErrorBody): Uint8Array {
  return encode([errorKind, id, toTuple(errorSlots, body)]);
}

export function encodePush<N extends PushName>(name: N, body: PushBody<N>): Uint8Array {
  return encode([pushOps[name], toTuple(pushSlots[name], body)]);
}

const isUint32 = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
