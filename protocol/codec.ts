// Frames as bytes and back, for Node. The only importer of msgpackr; the SDK has a codec of its own, and vectors.json binds both.

import { Packr } from 'msgpackr';
import type { CommandInput, CommandOutput } from './bodies/commands.ts';
import type { ErrorBody, PushBody } from './bodies/pushes.ts';
import { type CommandName, commandOps, errorKind, type PushName, pushOps, replyKind } from './ops.ts';
import { scanFrame } from './scan.ts';
import { commandSlots, errorSlots, pushSlots, replySlots } from './slots.ts';
import { fromTuple, toTuple } from './tuples.ts';

// Plain MessagePack only: no records, no extension for undefined, no BigInt for 64-bit integers.
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true, int64AsType: 'number', variableMapSize: true });

/** A command as it came: op and id checked, body not yet. */
export interface RawCommand {
  op: number;
  id: number;
  slots: readonly unknown[];
}

/** Thrown for bytes that are no frame. `id` is the request id when it could be read, so that the sender can be answered. */
export class BadFrame extends Error {
  readonly id: number;

  constructor(message: string, id = 0) {
    super(message);
    this.id = id;
  }
}

/** Any MessagePack value as bytes of its own, valid for as long as one likes. */
export function pack(value: unknown): Buffer {
  return packr.pack(value);
}

/** One MessagePack value. The bytes must come from a trusted writer or have passed `scanFrame`. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

/**
 * Reads a command frame `[op, id, body]`.
 * @throws BadFrame when the bytes are not one well-formed frame of that form.
 */
export function decodeCommand(bytes: Uint8Array): RawCommand {
  const fault = scanFrame(bytes);
  if (fault) throw new BadFrame(fault);
  const frame = packr.unpack(bytes);
  if (!Array.isArray(frame) || frame.length < 2) throw new BadFrame('a command is an array of op, id and body');
  const [op, id, slots] = frame;
  if (!isUint32(id) || id === 0) throw new BadFrame('the request id must be an integer from 1 to 4294967295');
  if (!isUint32(op)) throw new BadFrame('the op must be an integer', id);
  if (slots === undefined || slots === null) return { op, id, slots: [] };
  if (!Array.isArray(slots)) throw new BadFrame('the body must be an array', id);
  return { op, id, slots };
}

const isUint32 = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;

/** The body of a command whose name is known. Its values are not checked yet. */
export function commandBody(name: CommandName, slots: readonly unknown[]): unknown {
  return fromTuple(commandSlots[name], slots);
}

export function encodeCommand<N extends CommandName>(name: N, id: number, body: CommandInput<N>): Buffer {
  return packr.pack([commandOps[name], id, toTuple(commandSlots[name], body)]);
}

export function encodeReply<N extends CommandName>(name: N, id: number, body: CommandOutput<N>): Buffer {
  return packr.pack([replyKind, id, toTuple(replySlots[name], body)]);
}

/** `id` 0 refuses a frame whose request id could not be read. */
export function encodeError(id: number, body: ErrorBody): Buffer {
  return packr.pack([errorKind, id, toTuple(errorSlots, body)]);
}

export function encodePush<N extends PushName>(name: N, body: PushBody<N>): Buffer {
  return packr.pack([pushOps[name], toTuple(pushSlots[name], body)]);
}

/** The body of a push frame that this node or another one encoded. */
export function decodePush<N extends PushName>(name: N, frame: Uint8Array): PushBody<N> {
  const [, slots] = packr.unpack(frame) as [number, unknown[]];
  return fromTuple(pushSlots[name], slots) as PushBody<N>;
}
