// One connection from the token to the close: socket, `auth`, commands. It ends exactly once; nothing of a socket that ended is
// heard any more, so a client that has moved on cannot be confused by its predecessor.

import type { CommandOutput } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { PushName } from '../protocol/ops.ts';
import { subprotocol } from '../protocol/version.ts';
import { decodeFrame } from './codec.ts';
import { DisconnectedError, TimeoutError, type UTalkError } from './errors.ts';
import { Keepalive } from './keepalive.ts';
import type { Settings } from './options.ts';
import { sleep } from './pending.ts';
import { type Request, Requests } from './requests.ts';

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

/** Who this client is, where, and under which limits: the reply to `auth`. */
export type Identity = CommandOutput<'auth'>;

export interface LinkHooks {
  /** `auth` was written: what is written now travels in the same flight. */
  onOpen(): void;
  onWelcome(identity: Identity): void;
  onPush(name: PushName, body: unknown): void;
  /** The link fell by itself. Not called after `close`. */
  onDown(code: number, reason: string): void;
}

/** How long the close frame behind a refused `auth` is waited for: its code says more than the error. */
const closeFrameWaitMs = 1_000;
/** What a frame behind an unanswered `auth` costs at least of the bytes that the server takes there. */
const minCost = limits.maxBytesBeforeAuth / limits.maxFramesBeforeAuth;

export class Link {
  /** What the server said before it closed: the refusal of `auth`, or its farewell. */
  lastWords = '';
  /** How long the server that refused `auth` wants to be left alone. */
  leastWaitMs = 0;
  /** The server shuts down, and this is when to be gone. ms since 1970. */
  slot: number | undefined;
  readonly request: Request = (name, body, options) => this.#requests.send(name, body, options);
  readonly #settings: Settings;
  readonly #hooks: LinkHooks;
  readonly #ended = new AbortController();
  readonly #requests: Requests;
  readonly #keepalive: Keepalive;
  #socket: WebSocketLike | undefined;
  #isOpen = false;
  #credit = limits.maxBytesBeforeAuth;
  #backlog: Uint8Array[] = [];

  constructor(settings: Settings, hooks: LinkHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#requests = new Requests(settings, this.signal, (frame) => this.#write(frame));
    this.#keepalive = new Keepalive(settings.clock, {
      ping: () => this.request('ping', {}).catch(() => {}),
      dead: () => this.fall(1006, 'the server stopped answering'),
    });
  }

  /** Aborts when the link has ended, in whatever way. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** @throws what the WebSocket constructor throws, for a URL it does not take. */
  dial(token: string, previousSessionId: string | undefined): void {
    const { clock, requestTimeoutMs, url, WebSocket } = this.#settings;
    const socket = new WebSocket(url, subprotocol);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#authenticate(token, previousSessionId);
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    socket.onclose = ({ code = 1006, reason }: { code?: number; reason?: string }) => this.fall(code, reason);
    // A close event follows and says more, except in Node 22 for a connection that was never made.
    socket.onerror = () => this.#isOpen || clock.setTimeout(() => this.fall(1006), 0);
    void sleep(clock, requestTimeoutMs, this.signal).then(() => this.#isOpen || this.fall(1006));
  }

  /** Resolves when no command waits for its reply. */
  answered(): Promise<unknown> {
    return this.#requests.answered();
  }

  probe(): void {
    this.#keepalive.probe();
  }

  /** Ends the link as if the server had closed it with `code`. */
  fall(code: number, reason?: string): void {
    if (this.signal.aborted) return;
    this.close();
    const words = this.#isOpen
      ? `the connection ended (${code})`
      : `${this.#settings.url} cannot be reached, or does not admit this origin`;
    this.#hooks.onDown(code, this.lastWords || reason || words);
  }

  /** Ends the link on purpose. */
  close(): void {
    this.#ended.abort(new DisconnectedError('the connection ended'));
    this.#keepalive.stop();
    const socket = this.#socket;
    if (!socket) return;
    socket.onopen = socket.onmessage = null;
    try {
      socket.close(1000);
    } catch {
      // A socket that is still connecting may refuse to be closed; it is not listened to any more.
    }
  }

  /** Writes `auth`, so that everything written after this call travels behind it. */
  #authenticate(token: string, previousSessionId: string | undefined): void {
    const { agent, clock } = this.#settings;
    this.#isOpen = true;
    this.#keepalive.answered();
    const welcomed = (identity: Identity) => {
      if (this.signal.aborted) return;
      this.#hooks.onWelcome(identity);
      this.#credit = Number.POSITIVE_INFINITY;
      for (const frame of this.#backlog) this.#write(frame);
    };
    const refused = async (error: UTalkError) => {
      this.lastWords = error.message;
      this.leastWaitMs = error.retryAfterMs ?? 0;
      await sleep(clock, closeFrameWaitMs, this.signal);
      this.fall(error instanceof TimeoutError ? 1006 : error.retryable ? 1013 : 4401);
    };
    this.request('auth', { token, previousSessionId, agent }).then(welcomed, refused);
    this.#hooks.onOpen();
  }

  /** Behind an unanswered `auth` the server takes a bounded number of frames and bytes; the rest waits here. */
  #write(frame: Uint8Array): void {
    this.#credit -= Math.max(frame.length, minCost);
    if (this.#credit < 0) this.#backlog.push(frame);
    else if (!this.signal.aborted) this.#socket?.send(frame);
  }

  #receive(data: unknown): void {
    this.#keepalive.heard();
    try {
      const frame = decodeFrame(bytesOf(data));
      if (frame.kind === 'push') this.#hooks.onPush(frame.name, frame.body);
      else if (frame.kind !== 'unknown') {
        this.#keepalive.answered();
        this.#requests.settle(frame);
      }
    } catch (error) {
      this.#settings.logger.warn('a malformed frame was dropped', { error });
    }
  }
}

/** Of an ArrayBuffer, or of a view of one. Text is no frame: what this makes of it cannot be read. */
function bytesOf(data: unknown): Uint8Array {
  const { buffer = data, byteOffset, byteLength } = data as Partial<Uint8Array>;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
