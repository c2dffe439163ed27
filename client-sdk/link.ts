// One WebSocket from open to close. It falls exactly once; nothing of a socket that fell is heard any more, so a client
// that has moved on cannot be confused by its predecessor.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import { subprotocol } from '../protocol/version.ts';
import { decodeFrame, type ServerFrame } from './codec.ts';
import { DisconnectedError } from './errors.ts';
import { Keepalive } from './keepalive.ts';
import type { Settings } from './options.ts';
import { type CallOptions, Requests } from './requests.ts';

/** What the SDK uses of a WebSocket; the browser's, Node's and the `ws` package's all fit. */
export interface WebSocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Called without a value that is used. */
  onopen: unknown;
  /** Called with `{ data }`: an ArrayBuffer or a view of one. */
  onmessage: unknown;
  /** Called with `{ code, reason }`. */
  onclose: unknown;
  /** A close follows, or there never was a connection. */
  onerror: unknown;
  /** Writes one binary frame. */
  send(data: Uint8Array): void;
  /** Ends the connection. */
  close(code?: number, reason?: string): void;
}
/** A class of such sockets. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike;

export interface LinkHooks {
  /** The socket is open: `auth` must be written now, before anything else. */
  onOpen(): void;
  onPush(name: PushName, body: unknown): void;
  /** The link fell by itself. Not called after `close`. `opened` is false when the socket never opened. */
  onDown(code: number, reason: string, opened: boolean): void;
}

export class Link {
  readonly #settings: Settings;
  readonly #hooks: LinkHooks;
  readonly #socket: WebSocketLike;
  readonly #requests: Requests;
  readonly #keepalive: Keepalive;
  readonly #ended = new AbortController();
  readonly #openTimer: unknown;
  #authenticated = false;
  #framesBeforeAuth = 0;
  #bytesBeforeAuth = 0;
  #backlog: Uint8Array[] = [];
  #opened = false;

  /** @throws what the WebSocket constructor throws, for a URL it does not take. */
  constructor(settings: Settings, hooks: LinkHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    const { clock } = settings;
    this.#requests = new Requests(clock, settings.requestTimeoutMs, (frame) => this.#write(frame));
    this.#keepalive = new Keepalive(clock, { ping: () => this.#ping(), dead: () => this.fall(1006, 'the server stopped answering') });
    const socket = new settings.WebSocket(settings.url, subprotocol);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#open();
    socket.onmessage = (event: { data: unknown }) => this.#receive(event.data);
    socket.onclose = (event: { code?: number; reason?: string }) => this.fall(event.code ?? 1006, event.reason ?? '');
    // A close event follows and says more, except in Node 22 for a connection that was never made.
    socket.onerror = () => {
      if (!this.#opened) clock.setTimeout(() => this.fall(1006, 'the connection could not be made'), 0);
    };
    this.#openTimer = clock.setTimeout(() => this.fall(1006, 'the connection did not open in time'), settings.requestTimeoutMs);
  }

  /** Aborts when the link has ended, in whatever way. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  request<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>> {
    if (this.signal.aborted || !this.#opened) return Promise.reject(new DisconnectedError('not connected'));
    return this.#requests.send(name, body, options);
  }

  /** The server accepted `auth`: frames that had to wait for it leave now. */
  authenticated(): void {
    if (this.signal.aborted) return;
    this.#authenticated = true;
    for (const frame of this.#backlog) this.#socket.send(frame);
    this.#backlog = [];
  }

  /** Resolves when no command waits for its reply. */
  idle(): Promise<void> {
    return this.#requests.idle();
  }

  probe(): void {
    this.#keepalive.probe();
  }

  /** Ends the link on purpose. */
  close(): void {
    this.#end();
  }

  /** Ends the link as if the server had closed it with `code`. */
  fall(code: number, reason: string): void {
    if (this.signal.aborted) return;
    this.#end();
    this.#hooks.onDown(code, reason, this.#opened);
  }

  #end(): void {
    if (this.signal.aborted) return;
    this.#ended.abort(new DisconnectedError('the connection ended'));
    this.#settings.clock.clearTimeout(this.#openTimer);
    this.#keepalive.stop();
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#requests.rejectAll(new DisconnectedError('the connection ended before the answer'));
    try {
      socket.close(1000);
    } catch {
      // A socket that is still connecting may refuse to be closed; it is not listened to any more.
    }
  }

  #open(): void {
    this.#opened = true;
    this.#settings.clock.clearTimeout(this.#openTimer);
    this.#keepalive.start();
    this.#hooks.onOpen();
  }

  #ping(): void {
    this.request('ping', {}).catch(() => {});
  }

  /** Behind an unanswered `auth` the server takes a bounded number of frames and bytes; the rest waits here. */
  #write(frame: Uint8Array): void {
    if (!this.#authenticated) {
      const fits = this.#framesBeforeAuth < limits.maxFramesBeforeAuth && this.#bytesBeforeAuth + frame.length <= limits.maxBytesBeforeAuth;
      if (!fits || this.#backlog.length > 0) return void this.#backlog.push(frame);
      // The bounds count the frames behind `auth`, not `auth` itself.
      if (this.#framesBeforeAuth++ > 0) this.#bytesBeforeAuth += frame.length;
    }
    this.#socket.send(frame);
  }

  #receive(data: unknown): void {
    this.#keepalive.heard();
    let frame: ServerFrame;
    try {
      frame = decodeFrame(bytesOf(data));
    } catch (error) {
      this.#settings.logger.warn('a malformed frame was dropped', { error });
      return;
    }
    this.#handle(frame);
  }

  #handle(frame: ServerFrame): void {
    if (frame.kind === 'reply') this.#requests.reply(frame.id, frame.slots);
    else if (frame.kind === 'push') this.#hooks.onPush(frame.name, frame.body);
    else if (frame.kind === 'error' && !this.#requests.refuse(frame.id, frame.error)) {
      this.#settings.logger.debug('an error that nobody waits for', { ...frame.error });
    }
  }
}

/** @throws TypeError for a text frame: the protocol has none. */
function bytesOf(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError('the frame is not binary');
}
