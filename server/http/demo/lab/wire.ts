// One person's network: every connection of a client goes through it, can be cut, robbed of an acknowledgement, made to say
// something twice, and be looked at frame by frame.

import type { WebSocketConstructor } from '../../../../client-sdk/index.ts';
import type { WireFrame } from './frame.ts';
import { Listeners } from './listeners.ts';
import { RoundTrips } from './round-trips.ts';
import type { SleepingClock } from './sleeping-clock.ts';

export interface WireOptions {
  /** The person's clock: while it sleeps nothing passes, and the server loses the connection without the page hearing of it. */
  clock: SleepingClock;
  /** Carries the frames. Default: the platform's WebSocket. */
  WebSocket?: WebSocketConstructor;
}

/** Faults that wait for the frame they are meant for. */
export interface Armed {
  readonly loseAck: boolean;
  readonly double: boolean;
}

export class Wire {
  /** The option `WebSocket` of createClient. */
  readonly WebSocket: WebSocketConstructor;
  /** Of the commands of this wire. */
  readonly roundTrips = new RoundTrips();
  readonly #frames = new Listeners<WireFrame>();
  readonly #changes = new Listeners<Wire>();
  #cut = false;
  #armed: Armed = { loseAck: false, double: false };

  constructor({ WebSocket = globalThis.WebSocket as unknown as WebSocketConstructor }: WireOptions) {
    this.WebSocket = WebSocket;
  }

  /** The network is gone. */
  get isCut(): boolean {
    return this.#cut;
  }

  /** A connection is open, and what is written to it arrives. False also where the client has not noticed yet. */
  get carries(): boolean {
    return !this.#cut;
  }

  get armed(): Armed {
    return this.#armed;
  }

  /** The network goes without a farewell, and no connection can be made until `mend()`. */
  cut(): void {
    this.#cut = true;
    this.#changes.tell(this);
  }

  mend(): void {
    this.#cut = false;
    this.#changes.tell(this);
  }

  /** The next acknowledgement of a message does not arrive. The message is stored. */
  loseNextAck(): void {
    this.#arm({ loseAck: true });
  }

  /** The next message that is written reaches the server twice. */
  doubleNextSend(): void {
    this.#arm({ double: true });
  }

  /** Calls `listener` with every frame. @returns a function that ends it */
  onFrame(listener: (frame: WireFrame) => void): () => void {
    return this.#frames.add(listener);
  }

  /** Calls `listener` when `isCut`, `carries` or `armed` has changed. @returns a function that ends it */
  onChange(listener: (wire: Wire) => void): () => void {
    return this.#changes.add(listener);
  }

  #arm(more: Partial<Armed>): void {
    this.#armed = { ...this.#armed, ...more };
    this.#changes.tell(this);
  }
}
