// A connection that can be cut, to show what becomes of messages meanwhile. The SDK sees what it sees when a network goes:
// the socket falls without a farewell, and new ones cannot be opened.

import type { WebSocketConstructor } from '../../../client-sdk/index.ts';

const abnormalClosure = 1006;

export class Cable {
  /** For the option of createClient. */
  readonly WebSocket: WebSocketConstructor;
  readonly #sockets = new Set<WebSocket>();
  #cut = false;

  constructor() {
    const open = (socket: WebSocket) => this.#add(socket);
    const assertWhole = () => this.#assertWhole();
    const Cuttable = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        assertWhole();
        super(url, protocols);
        open(this);
      }
    };
    // The types of the DOM take no views on shared memory, which the SDK never sends.
    this.WebSocket = Cuttable as unknown as WebSocketConstructor;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) {
      socket.dispatchEvent(new CloseEvent('close', { code: abnormalClosure }));
      socket.close();
    }
  }

  mend(): void {
    this.#cut = false;
  }

  #assertWhole(): void {
    if (this.#cut) throw new Error('The connection is cut.');
  }

  #add(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.addEventListener('close', () => this.#sockets.delete(socket));
  }
}
