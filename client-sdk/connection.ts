// Keeps one link alive: token, socket, auth, and again after every fall, as the close codes say. Holds the state; what is
// missing after a reconnect is the business of sync.ts, which says `caughtUp`.

import type { PushBody } from '../protocol/bodies/index.ts';
import type { PushName } from '../protocol/ops.ts';
import { type ClosedReason, type ConnectionState, transition } from './connection-state.ts';
import { closedReason } from './endings.ts';
import { DisconnectedError } from './errors.ts';
import { timeToMove } from './farewell.ts';
import { Gate } from './gate.ts';
import { type Identity, shakeHands } from './handshake.ts';
import { Link } from './link.ts';
import type { AuthReason, Settings } from './options.ts';
import { Retry } from './retry.ts';
import { keepFresh } from './token-refresh.ts';

export interface ConnectionHooks {
  onState(state: ConnectionState): void;
  /** `auth` was written: what is written now travels in the same flight. The signal aborts when this link ends. */
  onFlight(signal: AbortSignal): void;
  onIdentity(identity: Identity): void;
  /** The server goes away: nothing may be written to this link any more. */
  onPause(): void;
  onPush(name: PushName, body: unknown): void;
}

export class Connection {
  readonly #settings: Settings;
  readonly #hooks: ConnectionHooks;
  /** Open once `auth` is written, as long as the server stays. */
  readonly gate: Gate;
  readonly #retry: Retry;
  #state: ConnectionState = { name: 'idle' };
  #link: Link | undefined;
  /** Ends the attempt in progress. */
  #attempt = new AbortController();
  /** The server shuts down, and this is when to be gone. ms since 1970. */
  #slot: number | undefined;
  /** The last token was refused; another refusal is for the application to solve. */
  #tokenRefused = false;
  #sessionId: string | undefined;
  /** What the server said before it closed: the refusal of `auth`, or its farewell. */
  #lastWords = '';
  /** How long the server that refused `auth` wants to be left alone. */
  #leastWaitMs = 0;

  constructor(settings: Settings, hooks: ConnectionHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#retry = new Retry(settings, () => this.#try('reconnect'));
    this.gate = new Gate(settings, () => this.#state);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  connect(): void {
    if ('connecting syncing live'.includes(this.#state.name)) return;
    this.#retry.failures = 0;
    this.#tokenRefused = false;
    this.#try(this.#sessionId ? 'reconnect' : 'connect');
  }

  /** Everything that was missing has arrived. */
  caughtUp(): void {
    this.#to({ name: 'live', since: this.#settings.clock.now() });
  }

  /** Back to idle, for a caller who did not want to wait. */
  cancel(): void {
    this.#drop('cancelled');
    this.#to({ name: 'idle' });
  }

  end(reason: ClosedReason, message: string, code?: number): void {
    this.#drop(message);
    this.#to({ name: 'closed', reason, message, code });
  }

  /** The network, the page or the machine is back: what waits is tried now, what seems alive is asked. */
  wake(): void {
    if (this.#state.name === 'offline') this.#retry.hurry();
    else this.gate.link?.probe();
  }

  /** Gives the link up and makes another one, for a server whose answers make no sense. */
  restart(reason: string): void {
    this.#link?.fall(1006, reason);
  }

  async #try(wanted: AuthReason): Promise<void> {
    this.#drop('a new attempt begins');
    const { signal } = this.#attempt;
    const reason = this.#tokenRefused ? 'refused' : wanted;
    this.#to({ name: 'connecting', reason, attempt: this.#retry.failures });
    try {
      const token = await this.#settings.auth({ reason, signal });
      if (signal.aborted) return;
      if (token) this.#dial(token);
      else this.#requireAuth('the auth function gave no token');
    } catch (error) {
      if (!signal.aborted) this.#lost(1006, `no connection could be tried: ${error instanceof Error ? error.message : error}`);
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
        this.#to({ name: 'syncing' });
        this.#hooks.onIdentity(identity);
        link.authenticated();
      },
      onRefused: ({ message, retryAfterMs = 0 }) => {
        this.#lastWords = message;
        this.#leastWaitMs = retryAfterMs;
      },
    });
    this.gate.open(link);
    this.#hooks.onFlight(link.signal);
  }

  #receive(link: Link, name: PushName, body: unknown): void {
    if (name === 'server:shutdown') this.#move(link, body as PushBody<'server:shutdown'>);
    else if (name === 'token:expiring' || name === 'token:expired') keepFresh(link, this.#settings);
    else if (name === 'user:expelled') this.#lastWords = (body as PushBody<'user:expelled'>).message;
    this.#hooks.onPush(name, body);
  }

  /** The server goes away. Nothing more is sent; open replies get 2 s; then the client moves in its own slot. */
  async #move(link: Link, { reconnectInMs }: PushBody<'server:shutdown'>): Promise<void> {
    const { clock } = this.#settings;
    this.gate.shut();
    this.#slot = clock.now() + reconnectInMs;
    this.#hooks.onPause();
    // Where the server closed first, the fall has kept the slot.
    if (await timeToMove(link, clock, reconnectInMs)) this.#try('reconnect');
  }

  #fallen(code: number, why: string, opened: boolean): void {
    const words = this.#lastWords || why || `the connection ended (${code})`;
    const final = closedReason(code);
    if (code === 4401 && this.#tokenRefused) this.#requireAuth(words);
    else if (final) this.end(final, words, code);
    else {
      this.#tokenRefused ||= code === 4401;
      this.#lost(code, opened ? words : `${this.#settings.url} cannot be reached, or does not admit this origin: ${words}`);
    }
  }

  #requireAuth(reason: string): void {
    this.#drop(reason);
    this.#to({ name: 'authRequired', reason });
  }

  #lost(code: number, reason: string): void {
    const liveMs = this.#state.name === 'live' ? this.#settings.clock.now() - this.#state.since : 0;
    const bounds = { slot: this.#slot, leastWaitMs: this.#leastWaitMs };
    this.#drop(reason);
    const retryAt = this.#retry.schedule(code, liveMs, bounds);
    this.#to({ name: 'offline', reason, code, retryAt, attempt: this.#retry.failures });
  }

  /** Forgets the link and all that belongs to it. */
  #drop(why: string): void {
    this.#retry.cancel();
    this.#attempt.abort(new DisconnectedError(why));
    this.#attempt = new AbortController();
    this.gate.shut();
    this.#slot = undefined;
    this.#lastWords = '';
    this.#leastWaitMs = 0;
    this.#link?.close();
    this.#link = undefined;
  }

  #to(next: ConnectionState): void {
    const before = this.#state;
    this.#state = transition(before, next);
    if (this.#state === before) return;
    this.#hooks.onState(next);
    this.gate.changed();
  }
}
