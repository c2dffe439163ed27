// One connection from the token to the close: socket, `auth`, commands. It ends exactly once; nothing of a socket that ended is
// heard any more, so a client that has moved on cannot be confused by its predecessor.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import * as limits from '../protocol/client-limits.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import { subprotocol } from '../protocol/version.ts';
import * as bounds from './bounds.ts';
import { decodeFrame, encodeCommand, replyBody, type ServerFrame } from './codec.ts';
import { DisconnectedError, ServerError, TimeoutError, UTalkError } from './errors.ts';
import { Keepalive } from './keepalive.ts';
import type { Settings } from './options.ts';
import { assertGoing, type Pending, pending, sleep } from './pending.ts';
import type { CallOptions } from './requests.ts';
import type { WebSocketLike } from './web-socket.ts';

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

export class Link {
  /** What the server said before it closed: the refusal of `auth`, or its farewell. */
  lastWords = '';
  /** How long the server that refused `auth` wants to be left alone. */
  leastWaitMs = 0;
  /** The server shuts down, and this is when to be gone. ms since 1970; 0 while it stays. */
  slot = 0;
  /** A new token is on its way. */
  isRenewing = false;
  readonly #ended = new AbortController();
  /** Aborts when the link has ended, in whatever way. */
  readonly signal = this.#ended.signal;
  readonly #settings: Settings;
  readonly #hooks: LinkHooks;
  readonly #keepalive: Keepalive;
  /** Commands that wait for their reply, by request id. */
  readonly #open = new Map<number, { name: CommandName; reply: Pending<unknown> }>();
  #requestId = 0;
  #socket: WebSocketLike | undefined;
  #isOpen = false;
  #credit = limits.maxBytesBeforeAuth;
  readonly #backlog: Uint8Array[] = [];

  constructor(settings: Settings, hooks: LinkHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#keepalive = new Keepalive(settings.clock, {
      ping: () => this.request('ping', {}).catch(() => {}),
      dead: () => this.fall(1006, 'the server stopped answering'),
    });
  }

  /** @throws what the WebSocket constructor throws, for a URL it does not take. */
  dial(auth: CommandInput<'auth'>): void {
    const { clock, requestTimeoutMs, url, WebSocket } = this.#settings;
    const socket = new WebSocket(url, subprotocol);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#authenticate(auth);
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    // Deno gives 0 for a connection that was reset.
    socket.onclose = ({ code, reason }: { code?: number; reason?: string }) => this.fall(code || 1006, reason);
    // A close event follows and says more, except in Node 22 for a connection that was never made.
    socket.onerror = () => this.#fallSoon();
    void sleep(clock, requestTimeoutMs, this.signal).then(() => this.#isOpen || this.fall(1006));
  }

  /**
   * Sends a command. The promise settles in any case: by the reply, the time, the caller's signal, or the end of the link.
   * @throws ServerError, TimeoutError, the reason of a signal; TypeError or UTalkError TOO_LARGE for a body that cannot be sent
   */
  async request<N extends CommandName>(name: N, body: CommandInput<N>, options: CallOptions = {}): Promise<CommandOutput<N>> {
    const { clock, requestTimeoutMs } = this.#settings;
    const { signal, timeoutMs = requestTimeoutMs } = options;
    const signals = [this.signal, signal];
    signals.forEach(assertGoing);
    this.#requestId = (this.#requestId % 0xffff_ffff) + 1;
    const id = this.#requestId;
    const frame = encodeCommand(name, id, body);
    if (frame.length > limits.maxFrameBytes) throw new UTalkError('TOO_LARGE', `${name} takes ${frame.length} bytes`);
    const reply = pending<unknown>(clock, { signals, timeoutMs, what: name, onEnd: () => this.#open.delete(id) });
    this.#open.set(id, { name, reply });
    this.#write(frame);
    return reply.promise as Promise<CommandOutput<N>>;
  }

  /** Resolves when every command that is open now has its reply, or never will have one. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map(({ reply }) => reply.promise));
  }

  probe(): void {
    this.#keepalive.probe();
  }

  /** Ends the link as if the server had closed it with `code`. */
  fall(code: number, reason?: string): void {
    if (this.signal.aborted) return;
    this.close();
    const words = this.#isOpen ? `the connection ended (${code})` : `${this.#settings.url} cannot be reached`;
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
  async #authenticate(auth: CommandInput<'auth'>): Promise<void> {
    this.#isOpen = true;
    this.#keepalive.heard(true);
    const welcome = this.request('auth', auth);
    this.#hooks.onOpen();
    try {
      const identity = await welcome;
      assertGoing(this.signal);
      this.#hooks.onWelcome(identity);
      this.#credit = Number.POSITIVE_INFINITY;
      for (const frame of this.#backlog.splice(0)) this.#write(frame);
    } catch (error) {
      const { message, retryable, retryAfterMs = 0 } = error as UTalkError;
      this.lastWords = message;
      this.leastWaitMs = retryAfterMs;
      // Nothing was refused, so nothing will be closed.
      if (error instanceof TimeoutError) return this.fall(1006);
      await sleep(this.#settings.clock, bounds.closeFrameWaitMs, this.signal);
      this.fall(retryable ? 1013 : 4401);
    }
  }

  /** Behind an unanswered `auth` the server takes a bounded number of frames and bytes; the rest waits here. */
  #write(frame: Uint8Array): void {
    // Each costs its share at least, so that neither bound is passed.
    this.#credit -= Math.max(frame.length, limits.maxBytesBeforeAuth / limits.maxFramesBeforeAuth);
    if (this.#credit < 0) this.#backlog.push(frame);
    else if (!this.signal.aborted) {
      try {
        this.#socket?.send(frame);
      } catch {
        // What was to be sent waits for its reply, and shares the fate of what was lost on the way.
        this.#fallSoon();
      }
    }
  }

  /** Not at once: whoever is in the middle of writing goes on first. */
  #fallSoon(): void {
    this.#settings.clock.setTimeout(() => this.fall(1006), 0);
  }

  #receive(data: unknown): void {
    try {
      const frame = decodeFrame(bytesOf(data));
      this.#keepalive.heard(frame.kind === 'reply' || frame.kind === 'error');
      if (frame.kind === 'push') this.#hooks.onPush(frame.name, frame.body);
      else if (frame.kind !== 'unknown') this.#settle(frame);
    } catch (error) {
      this.#settings.logger.warn('a malformed frame was dropped', { error });
    }
  }

  /** One that nobody waits for any more is dropped. */
  #settle(frame: Extract<ServerFrame, { kind: 'reply' | 'error' }>): void {
    const open = this.#open.get(frame.id);
    if (frame.kind === 'reply') open?.reply.resolve(replyBody(open.name, frame.slots));
    else open?.reply.reject(new ServerError(frame.error));
  }
}

/** Of an ArrayBuffer, or of a view of one. @throws RangeError for text, which is no frame */
function bytesOf(data: unknown): Uint8Array {
  // One of digits would be taken for a length.
  if (typeof data === 'string') throw new RangeError('text');
  const { buffer = data, byteOffset, byteLength } = data as Partial<Uint8Array>;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
