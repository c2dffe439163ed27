// A message:send frame made once per sender and patched for each send: request id and message id are the only bytes that
// differ. The message id ends in the request id as eight hex digits, so that the log tells which send an entry came from.

import { randomBytes } from 'node:crypto';
import { encodeCommand } from '../../protocol/codec.ts';
import { clientFrame } from './frames.ts';

const hexPairs = Array.from({ length: 256 }, (_, byte) => Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16BE(0));
const largestId = 0xffff_ffff;

export class MessageTemplate {
  /** What all message ids of this sender begin with. */
  readonly prefix: string;
  readonly frameBytes: number;
  readonly #frame: Buffer;
  readonly #requestIdAt: number;
  readonly #digitsAt: number;

  constructor(conversationId: string, text: string) {
    const random = randomBytes(10).toString('hex');
    this.prefix = `${random.slice(0, 8)}-${random.slice(8, 12)}-4${random.slice(12, 15)}-8${random.slice(15, 18)}-0000`;
    const messageId = `${this.prefix}ffffffff`;
    const payload = encodeCommand('message:send', largestId, { conversationId, messageId, type: 'text', text });
    this.#frame = clientFrame(payload);
    this.frameBytes = this.#frame.length;
    this.#requestIdAt = this.#frame.indexOf('ffffffff', 0, 'hex');
    this.#digitsAt = this.#frame.indexOf(messageId, 0, 'latin1') + this.prefix.length;
  }

  /** Writes the frame of that request into `target` at `at`. */
  writeTo(target: Buffer, at: number, requestId: number): void {
    this.#frame.copy(target, at);
    target.writeUInt32BE(requestId, at + this.#requestIdAt);
    for (let i = 0; i < 4; i++) target.writeUInt16BE(hexPairs[(requestId >>> (24 - 8 * i)) & 0xff] as number, at + this.#digitsAt + 2 * i);
  }
}

/** The request id in a message id with that prefix; undefined for one of somebody else. */
export function requestIdOf(messageId: string, prefix: string): number | undefined {
  return messageId.startsWith(prefix) ? Number.parseInt(messageId.slice(prefix.length), 16) : undefined;
}
