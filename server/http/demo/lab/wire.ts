// One person's network: every connection of a client goes through it, can be cut, robbed of an acknowledgement, made to say
// something twice, and be looked at frame by frame.

import type { WebSocketConstructor } from '../../../../client-sdk/index.ts';
import type { FrameFate, WireFrame } from './frame.ts';
import type { FrameContent } from './frame-reader.ts';
import { Listeners } from './listeners.ts';
import { RoundTrips } from './round-trips.ts';
import type { SleepingClock } from './sleeping-clock.ts';
import { type Network, WireSocket } from './wire-socket.ts';

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
  readonly #clock: SleepingClock;
  readonly #frames = new Listeners<WireFrame>();
  readonly #changes = new Listeners<Wire>();
  readonly #sockets = new Set<WireSocket>();
  #cut = false;
  #armed: Armed = { loseAck: false, double: false };
  #passed = 0;

  constructor({ clock, WebSocket = globalThis.WebSocket as unknown as WebSocketConstructor }: WireOptions) {
    this.#clock = clock;
    const network = this.#network(WebSocket);
    const sockets = this.#sockets;
    this.WebSocket = class extends WireSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(network, url, protocols);
        sockets.add(this);
      }
    };
    clock.onChange(() => {
      if (clock.isAsleep) for (const socket of sockets) socket.strand();
      this.#changes.tell(this);
    });
  }

  /** The network is gone. */
  get isCut(): boolean {
    return this.#cut;
  }

  /** A connection is open, and what is written to it arrives. False also where the client has not noticed yet. */
  get carries(): boolean {
    return [...this.#sockets].some(({ carries }) => carries);
  }

  get armed(): Armed {
    return this.#armed;
  }

  /** The network goes without a farewell, and no connection can be made until `mend()`. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.cut();
    this.#changes.tell(this);
  }

  mend(): void {
    this.#cut = false;
    this.#changes.tell(this);
  }

  /** The next acknowledgement of a message does not arrive. The message is stored. @param armed false takes it back */
  loseNextAck(armed = true): void {
    this.#arm({ loseAck: armed });
  }

  /** The next message that is written reaches the server twice. @param armed false takes it back */
  doubleNextSend(armed = true): void {
    this.#arm({ double: armed });
  }

  /** Calls `listener` with every frame. @returns a function that ends it */
  onFrame(listener: (frame: WireFrame) => void): () => void {
    return this.#frames.add(listener);
  }

  /** Calls `listener` when `isCut`, `carries` or `armed` may have changed. @returns a function that ends it */
  onChange(listener: (wire: Wire) => void): () => void {
    return this.#changes.add(listener);
  }

  #network(WebSocket: WebSocketConstructor): Network {
    const wire = this;
    return {
      WebSocket,
      timeMs: () => performance.now(),
      get condition() {
        return wire.#clock.isAsleep ? 'asleep' : wire.#cut ? 'cut' : 'sound';
      },
      fateOf: (direction, content) => this.#fateOf(direction, content),
      passed: (direction, content, fate) => this.#record(direction, content, fate),
      changed: (socket) => {
        if (socket.hasEnded) this.#sockets.delete(socket);
        this.#changes.tell(this);
      },
    };
  }

  #fateOf(direction: WireFrame['direction'], { kind, name }: FrameContent): FrameFate {
    if (name !== 'message:send') return 'passed';
    if (direction === 'out' && this.#armed.double) {
      this.#arm({ double: false });
      return 'doubled';
    }
    if (kind === 'reply' && this.#armed.loseAck) {
      this.#arm({ loseAck: false });
      return 'lost';
    }
    return 'passed';
  }

  #record(direction: WireFrame['direction'], content: FrameContent, fate: FrameFate): void {
    if (content.roundTripMs !== undefined && fate === 'passed') this.roundTrips.add(content.roundTripMs);
    this.#frames.tell({ number: ++this.#passed, at: Date.now(), direction, ...content, fate });
  }

  #arm(change: Partial<Armed>): void {
    this.#armed = { ...this.#armed, ...change };
    this.#changes.tell(this);
  }
}
