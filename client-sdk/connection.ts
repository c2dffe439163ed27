// Keeps one link alive: token, socket, auth, and again after every fall, as the close codes say. Holds the state; what is
// missing after a reconnect is the business of sync.ts, which says `caughtUp`.

import type { CommandInput, CommandOutput, PushBody } from '../protocol/bodies/index.ts';
import { type CloseCode, closeCodes, comesBack } from '../protocol/close-codes.ts';
import type { CommandName, PushName } from '../protocol/ops.ts';
import { Backoff, type Slot } from './backoff.ts';
import { type ClosedReason, type ConnectionEvent, type ConnectionState, transition } from './connection-state.ts';
import { DisconnectedError } from './errors.ts';
import { type Identity, shakeHands } from './handshake.ts';
import { Link } from './link.ts';
import { OpenGate } from './open-gate.ts';
import type { AuthReason, Settings } from './options.ts';
import { sleep } from './pending.ts';
import type { CallOptions } from './requests.ts';
import { TokenRefresh } from './token-refresh.ts';

export interface ConnectionHooks {
  onState(state: ConnectionState): void;
  /** `auth` was written: what is written now travels in the same flight. The signal aborts when this link ends. */
  onFlight(signal: AbortSignal): void;
  onIdentity(identity: Identity): void;
  /** The server goes away: nothing may be written to this link any more. */
  onPause(): void;
  onPush(name: PushName, body: unknown): void;
}

const closedReasons: Readonly<Record<number, ClosedReason>> = { 4400: 'badFrames', 4403: 'expelled', 4409: 'replaced' };
/** How long open acknowledgements may hold up the move away from a server that shuts down. */
const maxMoveWaitMs = 2_000;

export class Connection {
  readonly #settings: Settings;
  readonly #hooks: ConnectionHooks;
  readonly #refresh: TokenRefresh;
  readonly #gate: OpenGate;
  readonly #backoff: Backoff;
  #state: ConnectionState = { name: 'idle' };
  #link: Link | undefined;
  /** Ends the attempt in progress. */
  #attempt = new AbortController();
  #retryTimer: unknown;
  #notBefore = 0;
  /** Commands may be written: `auth` was, and the server stays. */
  #open = false;
  /** The server shuts down, and this is when to be gone. */
  #slot: Slot | undefined;
  /** The last token was refused; another refusal is for the application to solve. */
  #tokenRefused = false;
  #sessionId: string | undefined;
  /** What the server said before it closed: the refusal of `auth`, or its farewell. */
  #lastWords = '';

  constructor(settings: Settings, hooks: ConnectionHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#refresh = new TokenRefresh(settings);
    this.#backoff = new Backoff(settings.reconnectCeilingMs, settings.random);
    this.#gate = new OpenGate(settings.clock);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  connect(): void {
    if (['connecting', 'syncing', 'live'].includes(this.#state.name)) return;
    this.#backoff.reset();
    this.#tokenRefused = false;
    void this.#try(this.#sessionId ? 'reconnect' : 'connect');
  }

  /** Everything that was missing has arrived. */
  caughtUp(): void {
    this.#to({ type: 'caughtUp', at: this.#settings.clock.now() });
  }

  /** Back to idle, for a caller who did not want to wait. */
  cancel(): void {
    this.#drop('cancelled');
    this.#to({ type: 'cancelled' });
  }

  end(reason: ClosedReason, message: string, code?: number): void {
    this.#drop(message);
    this.#to({ type: 'ended', reason, message, code });
  }

  /** The network or the page is back: what waits is tried now, what seems alive is asked. */
  wake(): void {
    if (this.#state.name !== 'offline') this.probe();
    else if (this.#settings.clock.now() >= this.#notBefore) void this.#try('reconnect');
  }

  probe(): void {
    if (this.#open) this.#link?.probe();
  }

  /** Gives the link up and makes another one, for a server whose answers make no sense. */
  restart(reason: string): void {
    this.#link?.fall(1006, reason);
  }

  /** Sends a command now; rejects with DisconnectedError when there is no connection. */
  request<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>> {
    if (!this.#link || !this.#open) return Promise.reject(new DisconnectedError(`${name}: not connected`));
    return this.#link.request(name, body, options);
  }

  /** Sends a command as soon as there is a connection, within its timeout. */
  async requestWhenOpen<N extends CommandName>(name: N, body: CommandInput<N>, options: CallOptions = {}): Promise<CommandOutput<N>> {
    const { timeoutMs = this.#settings.requestTimeoutMs, signal } = options;
    if (!this.#open) await this.#gate.pass(name, this.#state, timeoutMs, signal);
    return this.request(name, body, options);
  }

  async #try(reason: AuthReason): Promise<void> {
    this.#drop('a new attempt begins');
    const { signal } = this.#attempt;
    this.#to({ type: 'connect', attempt: this.#backoff.failures });
    let token: string | null;
    try {
      token = await this.#settings.auth({ reason: this.#tokenRefused ? 'refused' : reason, signal });
      if (signal.aborted) return;
      if (token) this.#dial(token);
      else this.#requireAuth('the auth function gave no token');
    } catch (error) {
      if (!signal.aborted) this.#retry(1006, `no connection could be tried: ${error instanceof Error ? error.message : error}.`);
    }
  }

  #dial(token: string): void {
    const link: Link = new Link(this.#settings, {
      onOpen: () => this.#authenticate(link, token),
      onPush: (name, body) => this.#receive(link, name, body),
      onDown: (code, why, opened) => this.#fallen(code, why, opened),
    });
    this.#link = link;
  }

  #authenticate(link: Link, token: string): void {
    shakeHands(link, this.#settings, token, this.#sessionId, {
      onWelcome: (identity) => {
        this.#tokenRefused = false;
        this.#sessionId = identity.sessionId;
        this.#to({ type: 'authenticated' });
        this.#hooks.onIdentity(identity);
        link.authenticated();
      },
      onRefused: (words) => {
        this.#lastWords = words;
      },
    });
    this.#open = true;
    this.#hooks.onFlight(link.signal);
    this.#gate.changed(this.#state, this.#open);
  }

  #receive(link: Link, name: PushName, body: unknown): void {
    if (name === 'server:shutdown') void this.#move(link, body as PushBody<'server:shutdown'>);
    else if (name === 'token:expiring' || name === 'token:expired') this.#refresh.start(link);
    else if (name === 'user:expelled') this.#lastWords = (body as PushBody<'user:expelled'>).message;
    this.#hooks.onPush(name, body);
  }

  /** The server goes away. Nothing more is sent; open replies get 2 s; then the client moves in its own slot. */
  async #move(link: Link, { reconnectInMs, message }: PushBody<'server:shutdown'>): Promise<void> {
    const { clock, logger } = this.#settings;
    this.#open = false;
    this.#slot = { at: clock.now() + reconnectInMs };
    this.#hooks.onPause();
    logger.debug(`the server shuts down: ${message}; moving in ${reconnectInMs} ms`);
    const answered = Promise.race([link.idle(), sleep(clock, maxMoveWaitMs, link.signal)]);
    const inTime = await Promise.all([sleep(clock, reconnectInMs, link.signal), answered]).catch(() => false);
    // Where the server closed first, the fall has kept the slot.
    if (inTime) void this.#try('reconnect');
  }

  #fallen(code: number, why: string, opened: boolean): void {
    const words = this.#lastWords || why || meaningOf(code);
    if (code === 4401 && this.#tokenRefused) this.#requireAuth(words);
    else if (!comesBack(code)) this.end(closedReasons[code] ?? 'normal', words, code);
    else {
      this.#tokenRefused ||= code === 4401;
      this.#retry(
        code,
        opened ? words : `${this.#settings.url} cannot be reached: is the server there, and does it admit this origin? ${why}`.trim(),
      );
    }
  }

  #requireAuth(reason: string): void {
    this.#drop(reason);
    this.#to({ type: 'refused', reason });
  }

  #retry(code: number, reason: string): void {
    const { clock } = this.#settings;
    const now = clock.now();
    const liveMs = this.#state.name === 'live' ? now - this.#state.since : 0;
    const { delayMs, notBefore } = this.#backoff.next(code, liveMs, now, this.#slot);
    this.#drop(reason);
    this.#notBefore = notBefore;
    this.#to({ type: 'lost', reason, code, retryAt: now + delayMs, attempt: this.#backoff.failures });
    this.#retryTimer = clock.setTimeout(() => void this.#try('reconnect'), delayMs);
  }

  /** Forgets the link and all that belongs to it. */
  #drop(why: string): void {
    this.#settings.clock.clearTimeout(this.#retryTimer);
    this.#attempt.abort(new DisconnectedError(why));
    this.#attempt = new AbortController();
    this.#open = false;
    this.#slot = undefined;
    this.#lastWords = '';
    const link = this.#link;
    this.#link = undefined;
    link?.close('');
  }

  #to(event: ConnectionEvent): void {
    const before = this.#state;
    this.#state = transition(before, event);
    if (this.#state === before) return;
    this.#hooks.onState(this.#state);
    this.#gate.changed(this.#state, this.#open);
  }
}

function meaningOf(code: number): string {
  return closeCodes[code as CloseCode]?.meaning ?? `The connection ended with code ${code}.`;
}
