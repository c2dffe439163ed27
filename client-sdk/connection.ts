// Keeps one link alive: token, socket, auth, and again after every fall, as the close codes say. Holds the state; what is
// missing after a reconnect is the business of sync.ts, after which the client is `caughtUp`.

import type { PushBody } from '../protocol/bodies/index.ts';
import type { PushName } from '../protocol/ops.ts';
import * as bounds from './bounds.ts';
import type { ClosedReason, ConnectionState } from './connection-state.ts';
import { closedReasons } from './endings.ts';
import { AuthRequiredError, ClosedError, DisconnectedError } from './errors.ts';
import { type Identity, Link, type LinkHooks } from './link.ts';
import type { AuthReason, Settings } from './options.ts';
import { sleep } from './pending.ts';
import type { Request } from './requests.ts';
import { Retry } from './retry.ts';
import { keepFresh } from './token-refresh.ts';
import type { Until } from './waiting.ts';
import { watchWake } from './wake.ts';

export interface ConnectionHooks {
  readonly until: Until;
  /** Of the last connection. */
  readonly identity: Identity | undefined;
  /** Whose client this is, as far as anybody has said. */
  readonly userId: string | undefined;
  onToken(token: string): void;
  onState(state: ConnectionState): void;
  /** `auth` was written: what is written now travels in the same flight. The signal aborts when this link ends. */
  onFlight(signal: AbortSignal): void;
  onIdentity(identity: Identity): void;
  onPush(name: PushName, body: unknown): void;
}

export class Connection implements LinkHooks {
  state: ConnectionState = { name: 'idle' };
  /** The link that may be written: `auth` was, and the server stays. */
  open: Link | undefined;
  readonly #settings: Settings;
  readonly #hooks: ConnectionHooks;
  readonly #retry: Retry;
  #link: Link | undefined;
  /** The last token was refused; another refusal is for the application to solve. */
  #tokenRefused = false;
  /** Those of the present outage. */
  #falls = 0;
  /** Said once for each outage, and not for one that ends with a first try that comes soon. */
  #isExplained = false;
  /** Ends the watch for wake-ups. */
  #watch = new AbortController();

  constructor(settings: Settings, hooks: ConnectionHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#retry = new Retry(settings, () => this.#try('reconnect'));
  }

  connect(): void {
    if ('connecting syncing live'.includes(this.state.name)) return;
    this.#watch.abort();
    this.#watch = new AbortController();
    watchWake(() => this.wake(), this.#settings.clock, this.#watch.signal);
    this.#retry.failures = this.#falls = 0;
    this.#isExplained = this.#tokenRefused = false;
    this.#try(this.#hooks.identity ? 'reconnect' : 'connect');
  }

  /** Everything that was missing has arrived. */
  caughtUp(): void {
    if (this.state.name !== 'syncing') return;
    this.#falls = 0;
    this.#isExplained = false;
    this.#to({ name: 'live', since: this.#settings.clock.now() });
  }

  /** Back to idle, for a caller who did not want to wait. */
  cancel(): void {
    if ('connecting syncing offline'.includes(this.state.name)) this.#to({ name: 'idle' });
  }

  end(reason: ClosedReason, message: string, code?: number): void {
    if (reason !== 'client') this.#complain(message, code ?? 'closed');
    this.#to({ name: 'closed', reason, message, code });
  }

  /** The network, the page or the machine is back, or an answer is overdue: what waits is tried now, what seems alive is asked. */
  wake(): void {
    if (this.state.name === 'offline') this.#retry.hurry();
    else this.open?.probe();
  }

  /** Gives the link up and makes another one, for a server whose answers make no sense. */
  restart(reason: string): void {
    this.#link?.fall(1006, reason);
  }

  /** @throws ClosedError when the client is closed */
  assertOpen(): void {
    if (this.state.name === 'closed') throw new ClosedError(this.state.message);
  }

  /**
   * Whether a link may be written.
   * @throws ClosedError, AuthRequiredError or DisconnectedError where none will come by itself
   */
  isOpen(): boolean {
    this.assertOpen();
    if (this.state.name === 'authRequired') throw new AuthRequiredError(this.state.reason);
    if (this.state.name === 'idle') throw new DisconnectedError('call connect() first');
    return !!this.open;
  }

  /** Sends a command over this link or none; rejects with DisconnectedError when none may be written. */
  readonly requestNow: Request = async (name, body, options) => {
    const { open } = this;
    if (!open) throw new DisconnectedError(`${name}: not connected`);
    // What another user gets to hear of the sync is thrown away with the connection.
    if (name !== 'sync:state' && !this.isCertain) await this.#hooks.until(() => this.open !== open || this.isCertain, options);
    return open.request(name, body, options);
  };

  /** Sends a command as soon as one may be written, within its timeout. */
  readonly request: Request = async (name, body, options) => {
    const { timeoutMs = this.#settings.requestTimeoutMs, signal } = options ?? {};
    const isReady = () => this.isOpen() && this.isCertain;
    if (!this.open || !this.isCertain) await this.#hooks.until(isReady, { timeoutMs, signal, what: name });
    return this.requestNow(name, body, options);
  };

  /** Nobody is known whose wishes these are, or the welcome has said so: the token may have changed hands. */
  get isCertain(): boolean {
    return this.state.name !== 'connecting' || !this.#hooks.userId;
  }

  onOpen(): void {
    this.open = this.#link;
    this.#hooks.onFlight((this.#link as Link).signal);
  }

  onWelcome(identity: Identity): void {
    const link = this.#link;
    this.#tokenRefused = false;
    // First: another user's connection ends here, before a listener of the state can write to it.
    this.#hooks.onIdentity(identity);
    if (this.#link === link) this.#to({ name: 'syncing' });
  }

  onPush(name: PushName, body: unknown): void {
    const link = this.#link as Link;
    if (name === 'server:shutdown') this.#move(link, body as PushBody<'server:shutdown'>);
    else if (name === 'token:expiring' || name === 'token:expired') keepFresh(link, this.#settings);
    else if (name === 'user:expelled') link.lastWords = (body as PushBody<'user:expelled'>).message;
    this.#hooks.onPush(name, body);
  }

  onDown(code: number, reason: string): void {
    const final = closedReasons[code];
    if (code === 4401 && this.#tokenRefused) this.#requireAuth(reason);
    else if (final) this.end(final, reason, code);
    else {
      this.#tokenRefused ||= code === 4401;
      const liveMs = this.state.name === 'live' ? this.#settings.clock.now() - this.state.since : 0;
      const retryAt = this.#retry.schedule(code, liveMs, this.#link as Link);
      this.#falls++;
      const isLong = this.#falls > 1 || retryAt - this.#settings.clock.now() >= bounds.longOutageMs;
      if (isLong && !this.#isExplained) this.#complain(reason, code);
      this.#isExplained ||= isLong;
      this.#to({ name: 'offline', reason, code, retryAt, attempt: this.#retry.failures });
    }
  }

  async #try(wanted: AuthReason): Promise<void> {
    const reason = this.#tokenRefused ? 'refused' : wanted;
    this.#drop();
    const link = new Link(this.#settings, this);
    this.#link = link;
    this.#to({ name: 'connecting', reason, attempt: this.#retry.failures });
    try {
      const token = await this.#settings.auth({ reason, signal: link.signal });
      if (link.signal.aborted) return;
      if (!token) return this.#requireAuth('the auth function gave no token');
      this.#hooks.onToken(token);
      link.dial({ token, previousSessionId: this.#hooks.identity?.sessionId, agent: this.#settings.agent });
    } catch (error) {
      link.fall(1006, `no connection: ${error}`);
    }
  }

  /** The server goes away. Nothing more is sent; the client moves in its own slot, or later when replies are open: 2 s from now at most. */
  async #move(link: Link, { reconnectInMs }: PushBody<'server:shutdown'>): Promise<void> {
    const { clock } = this.#settings;
    this.open = undefined;
    link.slot = clock.now() + reconnectInMs;
    await sleep(clock, reconnectInMs, link.signal);
    await Promise.race([link.settled(), sleep(clock, bounds.maxReplyWaitMs - reconnectInMs, link.signal)]);
    // Where the server closed first, the fall has kept the slot.
    if (!link.signal.aborted) this.#try('reconnect');
  }

  #requireAuth(reason: string): void {
    this.#complain(reason, 'auth_required');
    this.#to({ name: 'authRequired', reason });
  }

  /** Tells the developer why the client is not live. */
  #complain(words: string, anchor: number | string): void {
    this.#settings.logger.warn(`not live: ${words}. See docs/ERRORS.md#${anchor}`);
  }

  #to(next: ConnectionState): void {
    this.state = next;
    if (next.name !== 'offline') this.#retry.cancel();
    if (!'connecting syncing live'.includes(next.name)) this.#drop();
    if ('idle authRequired closed'.includes(next.name)) this.#watch.abort();
    this.#hooks.onState(next);
  }

  #drop(): void {
    this.#link?.close();
    this.#link = this.open = undefined;
  }
}
