// Puts the parts of a client together, and tells them when a connection comes and goes.

import type { PushName } from '../protocol/ops.ts';
import type { ClientEvents } from './api.ts';
import { CatchUp } from './catch-up.ts';
import { Complaints } from './complaints.ts';
import { Connection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { Conversations } from './conversations.ts';
import type { Core } from './core.ts';
import { DeliveredReporter } from './delivered.ts';
import { ClosedError } from './errors.ts';
import { Emitter } from './events.ts';
import type { Identity } from './handshake.ts';
import { Joiner } from './joiner.ts';
import { Notifications } from './notifications.ts';
import type { Settings, TokenSource } from './options.ts';
import { Outbox } from './outbox.ts';
import { Presences } from './presence.ts';
import { PushRouter } from './push-router.ts';
import type { Request } from './requests.ts';
import { Rooms } from './rooms.ts';
import type { Keeper } from './store/keeper.ts';
import { Sync } from './sync.ts';

export class Engine implements Core {
  readonly settings: Settings;
  readonly events: Emitter<ClientEvents>;
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly catchUp: CatchUp;
  readonly delivered: DeliveredReporter;
  readonly joiner: Joiner;
  readonly conversations: Conversations;
  readonly notifications: Notifications;
  readonly presence: Presences;
  readonly rooms: Rooms;
  readonly keeper: Keeper | undefined;
  readonly requestNow: Request = (name, body, options) => this.connection.gate.request(name, body, options);
  readonly request: Request = (name, body, options) => this.connection.gate.requestWhenOpen(name, body, options);
  readonly report = (event: string, error: unknown) => this.settings.logger.warn(`a listener of ${event} threw`, { error });
  readonly sync: Sync;
  readonly #router: PushRouter;
  readonly #complaints: Complaints;
  #identity: Identity | undefined;
  #flight: AbortSignal | undefined;

  constructor(settings: Settings) {
    const { clock, logger } = settings;
    this.settings = settings;
    this.events = new Emitter(this.report);
    this.#complaints = new Complaints(logger);
    const auth: TokenSource = async (request) => this.#guessed(await settings.auth(request));
    this.connection = new Connection(
      { ...settings, auth },
      {
        onState: (state) => this.#stateChanged(state),
        onFlight: (signal) => this.#begin(signal),
        onIdentity: (identity) => this.#identified(identity),
        onPause: () => this.outbox.pause(),
        onPush: (name, body) => this.#received(name, body),
      },
    );
    this.outbox = new Outbox({ ...settings, request: this.requestNow, onOverdue: () => this.connection.gate.link?.probe() });
    this.catchUp = new CatchUp(clock, this.requestNow, logger, { onLost: (id) => this.conversations.gone(id) });
    this.delivered = new DeliveredReporter(clock, this.requestNow);
    this.joiner = new Joiner(clock, this.requestNow, logger);
    this.conversations = new Conversations(this);
    this.notifications = new Notifications(this.request, (one) => this.events.emit('notification', one), this.report);
    this.presence = new Presences(this.request, this.report);
    this.rooms = new Rooms({ request: this.request, report: this.report, clock, logger });
    this.sync = new Sync(this, this);
    this.keeper = settings.store?.keep(this);
    this.#router = new PushRouter(this, {
      conversations: this.conversations,
      notifications: this.notifications,
      presence: this.presence,
      rooms: this.rooms,
      isNews: (createdAt) => this.sync.isNews(createdAt),
      onSyncRequired: () => this.#resync(),
      onAlive: (serverTime) => {
        if (this.connection.state.name !== 'live') return;
        this.sync.complete(serverTime);
      },
    });
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get userId(): string | undefined {
    return this.#identity?.userId ?? this.keeper?.userId;
  }

  get flight(): AbortSignal | undefined {
    return this.#flight;
  }

  assertOpen(what: string): void {
    const { state } = this.connection;
    if (state.name === 'closed') throw new ClosedError(`${what}: ${state.message}`);
  }

  #begin(signal: AbortSignal): void {
    this.#flight = signal;
    this.catchUp.resume(signal);
    this.joiner.resume(signal);
    if (!this.keeper) this.#fill(signal);
    void this.keeper?.ready().then(() => {
      // Not after a farewell of the server either.
      if (!signal.aborted && this.connection.gate.link) this.#fill(signal);
    });
  }

  #fill(signal: AbortSignal): void {
    // First, so that it is on its way before the outbox fills the flight.
    void this.#synchronize(signal);
    this.outbox.resume();
    this.presence.resume();
    void this.rooms.resume(signal);
  }

  async #synchronize(signal: AbortSignal): Promise<void> {
    try {
      await this.sync.run(signal);
      this.delivered.resume();
      this.connection.caughtUp();
    } catch (error) {
      if (!signal.aborted) this.connection.restart(`The sync failed: ${(error as Error).message}.`);
    }
  }

  #resync(): void {
    const signal = this.#flight;
    if (signal && !signal.aborted && this.connection.state.name === 'live') void this.#synchronize(signal);
  }

  #identified(identity: Identity): void {
    const { userId, tenantId } = this.#identity ?? identity;
    if (userId !== identity.userId || tenantId !== identity.tenantId || this.keeper?.belongsTo(identity) === false) {
      // What is in memory belongs to the other one.
      this.connection.end(
        'otherUser',
        `The token is of ${identity.userId}, this client belongs to ${this.userId}: make a client for each user.`,
      );
      return;
    }
    this.#identity = identity;
    for (const { log } of this.conversations.all()) log.echo.adopt(userId);
  }

  /** One push that cannot be handled must not end the connection, nor the process. */
  #received(name: PushName, body: unknown): void {
    try {
      this.#router.route(name, body);
    } catch (error) {
      this.settings.logger.warn(`the push ${name} could not be handled`, { error });
    }
  }

  #stateChanged(state: ConnectionState): void {
    if (!['syncing', 'live'].includes(state.name)) {
      this.outbox.lose();
      this.delivered.pause();
      for (const { subscription } of this.conversations.all()) subscription.lost();
    }
    if (state.name === 'closed') this.#end(new ClosedError(state.message));
    this.#complaints.look(state);
    this.events.emit('state', state);
  }

  /** The token names its user before the server does. */
  #guessed(token: string | null): string | null {
    this.keeper?.guess(token);
    return token;
  }

  #end(error: ClosedError): void {
    this.outbox.failAll(error);
    this.keeper?.close();
    for (const conversation of this.conversations.all()) conversation.stop(error);
  }
}
