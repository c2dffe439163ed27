// Both ends of one wire in memory. Each direction keeps its order and takes the server's latency, unless a fault says
// otherwise; what one end does the other learns only after that time, if at all.

import type { Clock } from '../clock.ts';
import type { WebSocketLike } from '../web-socket.ts';
import type { Fate } from './faults.ts';
import type { MemorySession } from './memory-session.ts';

/** What a socket needs of its server. */
export interface SocketHost {
  readonly clock: Clock;
  /** One way. */
  readonly latencyMs: number;
  /** Nobody answers. */
  readonly down: boolean;
  accept(socket: MemorySocket): MemorySession;
  opened(session: MemorySession): void;
  /** The fate of a frame that the client writes. */
  sent(session: MemorySession, bytes: Uint8Array): Fate | undefined;
  receive(session: MemorySession, bytes: Uint8Array): void;
  ended(session: MemorySession, how: string): void;
}

type Listener<E> = ((event: E) => void) | null;

/** A server gives a connection up from which nothing came for this long. */
const silenceMs = 60_000;

export class MemorySocket implements WebSocketLike {
  binaryType = 'blob';
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  readonly url: string;
  readonly protocols: string | string[] | undefined;
  /** The server's side of it. */
  readonly session: MemorySession;
  /** How the client closed it. */
  closedByClient: { code?: number; reason?: string } | undefined;
  readonly #host: SocketHost;
  /** When the last frame of each direction arrives: the next one does not before. */
  readonly #arrivesMs = { up: 0, down: 0 };
  #clientOpen = false;
  #serverOpen = false;
  #silent = false;

  constructor(url: string, protocols: string | string[] | undefined, host: SocketHost) {
    this.url = url;
    this.protocols = protocols;
    this.#host = host;
    this.session = host.accept(this);
    this.#transmit('down', undefined, () => this.#open());
  }

  /** Whether the server has it open. */
  get isOpen(): boolean {
    return this.#serverOpen;
  }

  send(data: Uint8Array): void {
    if (!this.#clientOpen) throw new Error('the socket is not open');
    if (this.binaryType !== 'arraybuffer') throw new Error('binaryType must be arraybuffer');
    const bytes = data.slice();
    this.#transmit('up', this.#host.sent(this.session, bytes), () => {
      if (this.#serverOpen) this.#host.receive(this.session, bytes);
    });
  }

  close(code?: number, reason?: string): void {
    this.closedByClient ??= { code, reason };
    this.#clientOpen = false;
    if (this.#serverOpen) this.#transmit('up', undefined, () => this.#endServer(`closed by the client, ${code ?? 1005}`));
  }

  /** A frame of the server. */
  deliver(frame: Uint8Array, fate?: Fate): void {
    const data = frame.slice().buffer;
    this.#transmit('down', fate, () => {
      if (this.#clientOpen) (this.onmessage as Listener<{ data: unknown }>)?.({ data });
    });
  }

  /** The server closes; frames that are on their way to the client still arrive. */
  closeFromServer(code: number, reason = ''): void {
    this.#endServer(`closed by the server, ${code}`);
    this.#transmit('down', undefined, () => this.#endClient(code, reason));
  }

  /** The wire breaks: what is on its way is lost, and both ends see it. */
  break(): void {
    this.#silent = true;
    this.#endServer('cut');
    this.#host.clock.setTimeout(() => this.#endClient(1006, ''), this.#host.latencyMs);
  }

  /** Nothing passes any more in either direction, and nobody is told: a half-open connection. */
  silence(): void {
    this.#silent = true;
    if (this.#serverOpen) this.#host.clock.setTimeout(() => this.#endServer('silent for too long'), silenceMs);
  }

  #open(): void {
    if (this.#host.down) return void this.#endClient(1006, '');
    if (this.closedByClient) return;
    this.#clientOpen = this.#serverOpen = true;
    this.#host.opened(this.session);
    (this.onopen as Listener<object>)?.({});
  }

  #endServer(how: string): void {
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    this.#host.ended(this.session, how);
  }

  #endClient(code: number, reason: string): void {
    this.#clientOpen = false;
    (this.onclose as Listener<{ code: number; reason: string }>)?.({ code, reason });
  }

  #transmit(direction: 'up' | 'down', fate: Fate | undefined, arrive: () => void): void {
    if (this.#silent || fate === 'drop') return;
    if (fate === 'cut') return void this.break();
    if (fate === 'halfOpen') return void this.silence();
    const { clock, latencyMs } = this.#host;
    const delay = typeof fate === 'object' ? fate : { delayMs: 0 };
    let atMs = clock.now() + latencyMs + delay.delayMs;
    if (!delay.overtaken) {
      atMs = Math.max(atMs, this.#arrivesMs[direction]);
      this.#arrivesMs[direction] = atMs;
    }
    const land = () => {
      if (!this.#silent) arrive();
    };
    for (let copies = fate === 'duplicate' ? 2 : 1; copies > 0; copies--) clock.setTimeout(land, atMs - clock.now());
  }
}
