// The client's end of a wire to the fake server. Each direction is in order and takes the server's latency.

import type { WebSocketLike } from '../../../../client-sdk/link.ts';
import type { FakeServer, FakeSession } from './fake-server.ts';

type Listener<E> = ((event: E) => void) | null;

export class FakeSocket implements WebSocketLike {
  binaryType = 'blob';
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  readonly url: string;
  readonly protocols: string | string[] | undefined;
  readonly session: FakeSession;
  /** Nothing passes any more in either direction, and neither side is told. */
  cut = false;
  /** How the client closed it. */
  closedByClient: { code?: number; reason?: string } | undefined;
  isOpen = false;
  readonly #server: FakeServer;
  #answered = false;

  constructor(url: string, protocols: string | string[] | undefined, server: FakeServer) {
    this.url = url;
    this.protocols = protocols;
    this.#server = server;
    this.session = server.accept(this);
    this.#later(() => {
      if (server.down) this.#close(1006, '');
      else if (!this.closedByClient) {
        this.isOpen = true;
        (this.onopen as Listener<object>)?.({});
      }
    });
  }

  send(data: Uint8Array): void {
    if (!this.isOpen) throw new Error('the socket is not open');
    if (this.binaryType !== 'arraybuffer') throw new Error('binaryType must be arraybuffer');
    const bytes = data.slice();
    if (!this.#answered) this.session.firstFlight.push(bytes.length);
    this.#later(() => {
      if (this.isOpen) this.#server.receive(this.session, bytes);
    });
  }

  close(code?: number, reason?: string): void {
    this.closedByClient = { code, reason };
    this.isOpen = false;
  }

  /** A frame of the server. */
  deliver(frame: Uint8Array): void {
    const data = new Uint8Array(frame).buffer;
    this.#later(() => {
      this.#answered = true;
      if (this.isOpen) (this.onmessage as Listener<{ data: unknown }>)?.({ data });
    });
  }

  /** The server closes, behind the frames that are on their way. */
  closeFromServer(code: number, reason = ''): void {
    this.#later(() => this.#close(code, reason));
  }

  #close(code: number, reason: string): void {
    this.isOpen = false;
    (this.onclose as Listener<{ code: number; reason: string }>)?.({ code, reason });
  }

  #later(task: () => void): void {
    this.#server.clock.setTimeout(() => {
      if (!this.cut) task();
    }, this.#server.latencyMs);
  }
}
