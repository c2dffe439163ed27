// One connection of a client on its wire. The client sees a WebSocket; what passes, what is lost and whether it hears of its
// end is decided here. Invariant: a client is told of the end once, and of nothing that happens behind it.

import type { WebSocketConstructor, WebSocketLike } from '../../../../client-sdk/index.ts';
import type { FrameFate, WireFrame } from './frame.ts';
import { type FrameContent, FrameReader } from './frame-reader.ts';

/** What a connection needs of its wire. */
export interface Network {
  readonly WebSocket: WebSocketConstructor;
  /** Any clock that only runs forward. */
  readonly timeMs: () => number;
  /** What holds for connections made now. `asleep`: nobody answers, nothing is told. */
  readonly condition: 'sound' | 'cut' | 'asleep';
  /** What becomes of a frame that a fault may be meant for. */
  fateOf(direction: WireFrame['direction'], content: FrameContent): FrameFate;
  passed(direction: WireFrame['direction'], content: FrameContent, fate: FrameFate): void;
  /** The connection opened or ended. */
  changed(socket: WireSocket): void;
}

type Handler = ((event: object) => void) | null;

const abnormalClosure = 1006;

export class WireSocket implements WebSocketLike {
  binaryType = 'blob';
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  readonly #network: Network;
  readonly #reader: FrameReader;
  /** Absent where no connection could be made. */
  readonly #socket: WebSocketLike | undefined;
  /** `stranded`: the server has lost it and the client has not heard. */
  #state: 'connecting' | 'open' | 'stranded' | 'ended' = 'connecting';

  /** @throws what the constructor beneath throws */
  constructor(network: Network, url: string, protocols?: string | string[]) {
    this.#network = network;
    this.#reader = new FrameReader(network.timeMs);
    if (network.condition === 'sound') this.#socket = this.#connect(url, protocols);
    else if (network.condition === 'asleep') this.#state = 'stranded';
    // Not before the client listens.
    else queueMicrotask(() => this.cut());
  }

  /** What is written arrives. */
  get carries(): boolean {
    return this.#state === 'open';
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  send(data: Uint8Array): void {
    const content = this.#reader.command(data);
    const fate = this.carries ? this.#network.fateOf('out', content) : 'lost';
    if (fate === 'passed' || fate === 'doubled') this.#socket?.send(data);
    if (fate === 'doubled') this.#socket?.send(data);
    this.#network.passed('out', content, fate);
  }

  close(code?: number, reason?: string): void {
    this.#socket?.close(code, reason);
    this.#enter('ended');
  }

  /** The network goes: the client hears 1006 at once, and the server that it is gone. */
  cut(): void {
    if (!this.#isHeard) return;
    const opened = this.carries;
    this.#enter('ended');
    this.#socket?.close();
    if (!opened) (this.onerror as Handler)?.({});
    (this.onclose as Handler)?.({ code: abnormalClosure, reason: '' });
  }

  /** The server loses the client, which does not hear of it: what it writes goes nowhere, and nothing comes. */
  strand(): void {
    if (!this.#isHeard) return;
    this.#enter('stranded');
    this.#socket?.close();
  }

  #connect(url: string, protocols: string | string[] | undefined): WebSocketLike {
    const socket = new this.#network.WebSocket(url, protocols);
    socket.binaryType = 'arraybuffer';
    socket.onopen = (event: object) => this.#opened(event);
    socket.onmessage = ({ data }: { data: ArrayBuffer }) => this.#received(data);
    socket.onerror = (event: object) => this.#isHeard && (this.onerror as Handler)?.(event);
    socket.onclose = (event: object) => this.#ended(event);
    return socket;
  }

  get #isHeard(): boolean {
    return this.#state === 'connecting' || this.#state === 'open';
  }

  #opened(event: object): void {
    if (this.#state !== 'connecting') return;
    this.#enter('open');
    (this.onopen as Handler)?.(event);
  }

  #received(data: ArrayBuffer): void {
    if (!this.carries) return;
    const content = this.#reader.answer(new Uint8Array(data));
    const fate = this.#network.fateOf('in', content);
    this.#network.passed('in', content, fate);
    if (fate === 'passed') (this.onmessage as Handler)?.({ data });
  }

  #ended(event: object): void {
    if (!this.#isHeard) return;
    this.#enter('ended');
    (this.onclose as Handler)?.(event);
  }

  #enter(state: 'open' | 'stranded' | 'ended'): void {
    this.#state = state;
    this.#network.changed(this);
  }
}
