// How a shared value is kept: an integer as decimal text, so that it can be added to in place; everything else as MessagePack
// behind a byte that neither text nor MessagePack begins with.

import { pack, unpack } from '../../protocol/codec.ts';
import { CommandError } from '../errors.ts';

const packedMark = 0xc1;
const maxKeyLength = 200;
/** With the tenant in front of it. */
const maxScopedKeyLength = 400;
const maxValueBytes = 65_536;

/** @throws CommandError INVALID_BODY for what MessagePack cannot carry, TOO_LARGE */
export function encodeValue(value: unknown): Buffer {
  if (Number.isSafeInteger(value)) return Buffer.from(String(value));
  let packed: Buffer;
  try {
    packed = pack(value);
  } catch (error) {
    throw new CommandError('INVALID_BODY', `not a value of the shared state: ${error instanceof Error ? error.message : error}`);
  }
  if (packed.length > maxValueBytes) throw new CommandError('TOO_LARGE', `a shared value has at most ${maxValueBytes} bytes`);
  return Buffer.concat([Buffer.of(packedMark), packed]);
}

export function decodeValue(bytes: Buffer): unknown {
  return bytes[0] === packedMark ? unpack(bytes.subarray(1)) : Number(bytes.toString('latin1'));
}

/** @throws CommandError INVALID_BODY */
export const checkScopedKey = (key: string): void => checkKey(key, maxScopedKeyLength);

/** @throws CommandError INVALID_BODY */
export function checkKey(key: string, maxLength = maxKeyLength): void {
  if (typeof key !== 'string' || key.length === 0 || key.length > maxLength)
    throw new CommandError('INVALID_BODY', `a key of the shared state has 1 to ${maxKeyLength} characters`);
}

/** @throws CommandError INVALID_BODY */
export function checkTtl(ttlMs: number): void {
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) throw new CommandError('INVALID_BODY', 'ttlMs must be a positive integer');
}

/** @throws CommandError INVALID_BODY */
export function checkStep(by: number): void {
  if (!Number.isSafeInteger(by)) throw new CommandError('INVALID_BODY', 'a shared number grows by integers');
}

/** The answer to an increment of something that is no integer, or would leave the safe ones. */
export const noInteger = (key: string): CommandError => new CommandError('CONFLICT', `${key} is no integer, or would become too large`);
