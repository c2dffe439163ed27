// Reads the frames of one connection as they pass. Replies name no command, so it remembers who asked what under which request
// id. Invariant: no token leaves it, neither decoded nor as bytes.

import { decodeFrame, replyBody } from '../../../../client-sdk/codec.ts';
import type { CommandName } from '../../../../client-sdk/index.ts';
import { decodeCommand } from '../../../../client-sdk/testing/frames.ts';
import type { WireFrame } from './frame.ts';

/** What the bytes of a frame say. */
export type FrameContent = Pick<WireFrame, 'kind' | 'name' | 'requestId' | 'body' | 'bytes' | 'roundTripMs'>;

/** Commands of one connection, the newest ones. */
const remembered = 1_000;
/** Stands in the bytes of a frame where the token was. */
const blank = '*'.charCodeAt(0);

export class FrameReader {
  readonly #timeMs: () => number;
  readonly #asked = new Map<number, { readonly name: CommandName; readonly writtenMs: number }>();

  /** @param timeMs any clock that only runs forward */
  constructor(timeMs: () => number) {
    this.#timeMs = timeMs;
  }

  /** A frame that the client writes. */
  command(bytes: Uint8Array): FrameContent {
    try {
      const { id, name, body } = decodeCommand(bytes);
      if (name === undefined) return { kind: 'unknown', name: 'unknown', requestId: id, body, bytes: bytes.slice() };
      this.#remember(id, name);
      return { kind: 'command', name, requestId: id, ...withoutToken(body, bytes.slice()) };
    } catch {
      return unreadable(bytes);
    }
  }

  /** A frame of the server. */
  answer(bytes: Uint8Array): FrameContent {
    try {
      return this.#read(bytes.slice());
    } catch {
      return unreadable(bytes);
    }
  }

  #read(bytes: Uint8Array): FrameContent {
    const frame = decodeFrame(bytes);
    if (frame.kind === 'push') return { kind: 'push', name: frame.name, body: frame.body, bytes };
    if (frame.kind === 'unknown') return { kind: 'unknown', name: 'unknown', body: undefined, bytes };
    const { kind, id: requestId } = frame;
    const asked = this.#asked.get(requestId);
    const name = asked?.name ?? 'unknown';
    const body = frame.kind === 'error' ? frame.error : asked ? replyBody(asked.name, frame.slots) : frame.slots;
    return { kind, name, requestId, body, bytes, ...(asked && { roundTripMs: this.#timeMs() - asked.writtenMs }) };
  }

  /** Also behind its answer: what was written twice is answered twice. */
  #remember(id: number, name: CommandName): void {
    this.#asked.set(id, { name, writtenMs: this.#timeMs() });
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > remembered && oldest !== undefined) this.#asked.delete(oldest);
  }
}

/** What cannot be read may hold a token anywhere: none of it is shown. */
function unreadable({ length }: Uint8Array): FrameContent {
  return { kind: 'unknown', name: 'unreadable', body: undefined, bytes: new Uint8Array(length).fill(blank) };
}

/** A token is ASCII, so its bytes stand in the frame as they are. */
function withoutToken(body: Record<string, unknown>, bytes: Uint8Array): { body: Record<string, unknown>; bytes: Uint8Array } {
  const { token } = body;
  if (typeof token !== 'string') return { body, bytes };
  const start = indexOf(bytes, token);
  // Not found means that it was encoded in some other way: then none of the frame is shown.
  bytes.fill(blank, Math.max(0, start), start < 0 ? bytes.length : start + token.length);
  return { body: { ...body, token: `${token.length} characters, not shown` }, bytes };
}

function indexOf(bytes: Uint8Array, text: string): number {
  for (let start = 0; start + text.length <= bytes.length; start++) {
    let length = 0;
    while (length < text.length && bytes[start + length] === text.charCodeAt(length)) length++;
    if (length === text.length) return start;
  }
  return -1;
}
