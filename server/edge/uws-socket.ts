// The session's Socket over a native one. After close every method is a no-op: the native ones throw then.

import type { CloseCode } from '../../protocol/index.ts';
import type { Session } from '../session/session.ts';
import type { Socket } from '../session/socket.ts';
import type { NativeSocket } from './uws.ts';

/** What a native socket carries. */
export interface SocketData {
  path: string;
  address: string;
  /** Key of the connection caps, when this connection counts. */
  capKey: string | undefined;
  token: string | undefined;
  session: Session | undefined;
  socket: UwsSocket | undefined;
  /** A message was dropped for backpressure; the connection is ending and nothing may be sent. */
  slow: boolean;
}

export class UwsSocket implements Socket {
  readonly address: string;
  #native: NativeSocket<SocketData> | undefined;
  /** The code this side closed with, for the log. */
  closeCode: CloseCode | number | undefined;

  constructor(native: NativeSocket<SocketData>, address: string) {
    this.#native = native;
    this.address = address;
  }

  send(frame: Uint8Array): void {
    this.#native?.send(frame, true, false);
  }

  cork(write: () => void): void {
    if (this.#native) this.#native.cork(write);
  }

  end(code: number, reason: string): void {
    const native = this.#native;
    if (!native) return;
    this.closeCode = code;
    this.#native = undefined;
    native.end(code, fittingReason(reason));
  }

  subscribe(topic: string): void {
    this.#native?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#native?.unsubscribe(topic);
  }

  /** The native socket is gone. */
  closed(): void {
    this.#native = undefined;
  }
}

const encoder = new TextEncoder();
/** RFC 6455 §5.5: a control frame has 125 bytes, two of them the code. */
const reasonBytes = new Uint8Array(123);

/** The beginning of a reason that fits, cut at a character: half of one makes clients fail the connection without the code. */
function fittingReason(reason: string): string {
  return reason.slice(0, encoder.encodeInto(reason, reasonBytes).read);
}
