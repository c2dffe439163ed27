// The client: puts the parts together and tells them when a connection comes and goes.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import type { CommandName } from '../protocol/ops.ts';
import type { Client, ClientEvents, ConversationHandle, RoomHandle } from './api.ts';
import { CatchUp } from './catch-up.ts';
import { Connection } from './connection.ts';
import type { ConnectionState, StateName } from './connection-state.ts';
import { Conversations } from './conversations.ts';
import type { Core } from './core.ts';
import { DeliveredReporter } from './delivered.ts';
import { AuthRequiredError, ClosedError } from './errors.ts';
import { Emitter, type Unsubscribe } from './events.ts';
import type { Identity } from './handshake.ts';
import { Joiner } from './joiner.ts';
import { Notifications } from './notifications.ts';
import { type ClientOptions, type Settings, settle } from './options.ts';
import { Outbox } from './outbox.ts';
import { Presences } from './presence.ts';
import { PushRouter } from './push-router.ts';
import type { CallOptions, Request } from './requests.ts';
import { Rooms } from './rooms.ts';
import { Sync } from './sync.ts';
import { watchWake } from './wake.ts';

/**
 * Makes a client. It connects with `connect()`.
 * @throws TypeError for a URL that is none, or where the platform has no WebSocket and none was given
 */
export function createClient(options: ClientOptions): Client {
  return new RealtimeClient(settle(options));
}

class RealtimeClient implements Client, Core {
  readonly settings: Settings;
  readonly events: Emitter<ClientEvents>;
  readonly outbox: Outbox;
  readonly catchUp: CatchUp;
  readonly delivered: DeliveredReporter;
  readonly joiner: Joiner;
  readonly conversations: Conversations;
  readonly notifications: Notifications;
  readonly presence: Presences;
  readonly requestNow: Request = (name, body, options) => this.#connection.request(name, body, options);
  readonly request: Request = (name, body, options) => this.#connection.requestWhenOpen(name, body, options);
  readonly #connection: Connection;
  readonly #rooms: Rooms;
  readonly #sync: Sync;
  readonly #router: PushRouter;
  #identity: Identity | undefined;
  #flight: AbortSignal | undefined;
  #unwatch = () => {};
  #complained = false;

  constructor(settings: Settings) {
    const { clock, logger } = settings;
    const report = (event: string, error: unknown) => this.report(event, error);
    this.settings = settings;
    this.events = new Emitter(report);
    this.#connection = new Connection(settings, {
      onState: (state) => this.#stateChanged(state),
      onFlight: (signal) => this.#begin(signal),
      onIdentity: (identity) => this.#identified(identity),
      onPause: () => this.#pause(),
      onPush: (name, body) => this.#router.route(name, body),
    });
    const { ackTimeoutMs, maxInFlight, maxOutbox } = settings;
    this.outbox = new Outbox(
      { clock, ackTimeoutMs, maxInFlight, request: this.requestNow, onOverdue: () => this.#connection.probe() },
      maxOutbox,
    );
    this.catchUp = new CatchUp(clock, this.requestNow, logger, { onLost: (id) => this.conversations.gone(id) });
    this.delivered = new DeliveredReporter(clock, this.requestNow);
    this.joiner = new Joiner(clock, this.requestNow, logger);
    this.conversations = new Conversations(this);
    this.notifications = new Notifications(this.request, (one) => this.events.emit('notification', one), report);
    this.presence = new Presences(this.request, report);
    this.#rooms = new Rooms(this.request, report);
    const { conversations, notifications, presence } = this;
    this.#sync = new Sync(this, { conversations, notifications, presence });
    this.#router = new PushRouter(this, {
      conversations,
      notifications,
      presence,
      rooms: this.#rooms,
      isNews: (createdAt) => this.#sync.isNews(createdAt),
      onSyncRequired: () => this.#resync(),
      onAlive: (serverTime) => {
        if (this.state === 'live') this.#sync.complete(serverTime);
      },
    });
  }

  get state(): StateName {
    return this.#connection.state.name;
  }

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get unsent(): number {
    return this.outbox.size;
  }

  on<E extends keyof ClientEvents>(event: E, listener: (payload: ClientEvents[E]) => void): Unsubscribe {
    return this.events.on(event, listener);
  }

  connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        end();
        this.#connection.cancel();
        reject(signal?.reason);
      };
      const end = () => {
        off();
        signal?.removeEventListener('abort', abort);
      };
      const look = (state: ConnectionState) => {
        if (!['live', 'closed', 'authRequired', 'idle'].includes(state.name)) return;
        end();
        if (state.name === 'live') resolve();
        else if (state.name === 'closed') reject(new ClosedError(state.message));
        else if (state.name === 'authRequired') reject(new AuthRequiredError(state.reason));
        else reject(new ClosedError('the attempt was given up'));
      };
      const off = this.on('state', look);
      signal?.addEventListener('abort', abort, { once: true });
      if (this.state === 'live') return look(this.connection);
      this.#unwatch();
      this.#unwatch = watchWake(() => this.#connection.wake());
      this.#connection.connect();
    });
  }

  conversation(id: string): ConversationHandle {
    return this.conversations.get(id);
  }

  room(id: string): RoomHandle {
    return this.#rooms.get(id);
  }

  async call(name: string, body?: unknown, options?: CallOptions): Promise<unknown> {
    return (await this.request('call', { name, body }, options)).body;
  }

  command<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>> {
    return this.request(name, body, options);
  }

  async drain({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      void this.outbox.empty().then(resolve);
    });
  }

  close(): void {
    this.#connection.end('client', 'the client was closed');
  }

  assertOpen(what: string): void {
    const { connection } = this;
    if (connection.name === 'closed') throw new ClosedError(`${what}: ${connection.message}`);
  }

  report(event: string, error: unknown): void {
    this.settings.logger.warn(`a listener of ${event} threw`, { error });
  }

  #begin(signal: AbortSignal): void {
    this.#flight = signal;
    this.catchUp.resume(signal);
    this.joiner.resume(signal);
    void this.#synchronize(signal);
    this.outbox.resume();
    this.presence.resume();
    this.#rooms.resume();
  }

  async #synchronize(signal: AbortSignal): Promise<void> {
    try {
      await this.#sync.run(signal);
      this.delivered.resume();
      this.#connection.caughtUp();
    } catch (error) {
      if (!signal.aborted) this.#connection.restart(`the sync failed: ${(error as Error).message}`);
    }
  }

  #resync(): void {
    const signal = this.#flight;
    if (signal && !signal.aborted && this.state === 'live') void this.#synchronize(signal);
  }

  #identified(identity: Identity): void {
    const other = this.#identity;
    if (other && (other.userId !== identity.userId || other.tenantId !== identity.tenantId)) {
      this.#connection.end(
        'otherUser',
        `the token is of ${identity.userId}, this client belongs to ${other.userId}: make a client for each user`,
      );
      return;
    }
    this.#identity = identity;
    for (const { log } of this.conversations.all()) log.echo.adopt(identity.userId);
  }

  #pause(): void {
    this.outbox.pause();
    this.delivered.pause();
  }

  #stateChanged(state: ConnectionState): void {
    if (state.name === 'connecting' || state.name === 'offline' || state.name === 'authRequired') this.#lost();
    if (state.name === 'closed') this.#closed(state.message);
    this.#complain(state);
    this.events.emit('state', state);
  }

  #lost(): void {
    this.outbox.lose();
    this.delivered.pause();
    for (const { subscription } of this.conversations.all()) subscription.lost();
  }

  #closed(message: string): void {
    this.#lost();
    this.#unwatch();
    this.outbox.failAll(new ClosedError(message));
    for (const { typing, subscription } of this.conversations.all()) {
      typing.clear();
      if (!subscription.isLeft) subscription.refuse(new ClosedError(message));
    }
  }

  /** Says in words, once per outage, why the client is not live. */
  #complain(state: ConnectionState): void {
    const { logger } = this.settings;
    if (state.name === 'live') this.#complained = false;
    if (this.#complained) return;
    if (state.name === 'offline') logger.warn(`not live: ${state.reason} Trying again until it works.`);
    else if (state.name === 'authRequired')
      logger.warn(`not live: ${state.reason}. Sign in again and call connect(). See docs/ERRORS.md#auth_required`);
    else if (state.name === 'closed' && state.reason !== 'client')
      logger.warn(`closed for good: ${state.message} See docs/ERRORS.md#${state.code ?? state.reason}`);
    else return;
    this.#complained = true;
  }
}
