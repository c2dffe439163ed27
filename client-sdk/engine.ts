// Puts the parts of a client together, and tells them when a connection comes and goes.

import type { PushName } from '../protocol/ops.ts';
import type { ClientEvents } from './api.ts';
import { Connection, type ConnectionHooks } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { Conversations } from './conversations.ts';
import { DeliveredReporter } from './delivered.ts';
import { ClosedError } from './errors.ts';
import { Emitter } from './events.ts';
import type { Identity } from './link.ts';
import { Notifications } from './notifications.ts';
import type { Settings } from './options.ts';
import { Outbox } from './outbox.ts';
import { patiently } from './patience.ts';
import { Presences } from './presence.ts';
import { type PushParts, pushRouter } from './push-router.ts';
import type { Request } from './requests.ts';
import type { Room } from './room.ts';
import { Standing } from './standing.ts';
import type { Keeper } from './store/keeper.ts';
import { Sync } from './sync.ts';
import { type Until, waiting } from './waiting.ts';

export class Engine extends Emitter<ClientEvents> implements PushParts, ConnectionHooks {
  readonly settings: Settings;
  readonly report = (event: string, error: unknown) => this.settings.logger.warn(`a listener of ${event} threw`, { error });
  readonly requestNow: Request;
  readonly request: Request;
  readonly requestPatiently: Request = (name, body, { signal = this.flight, ...options } = {}) =>
    patiently(() => this.requestNow(name, body, { ...options, signal }), this.settings.clock, signal);
  readonly until: Until;
  readonly changed: () => void;
  readonly uplink: Connection;
  readonly outbox = new Outbox(this);
  readonly delivered = new DeliveredReporter(this);
  readonly conversations = new Conversations(this);
  readonly notifications = new Notifications(this);
  readonly presence = new Presences(this);
  readonly standing = new Standing(this);
  /** Those that were asked for, by id. */
  readonly rooms = new Map<string, Room>();
  readonly sync = new Sync(this);
  readonly keeper: Keeper | undefined;
  identity: Identity | undefined;
  flight: AbortSignal | undefined;
  readonly #route = pushRouter(this);

  constructor(settings: Settings) {
    super();
    this.settings = settings;
    ({ until: this.until, changed: this.changed } = waiting(settings.clock));
    this.keeper = settings.store?.keep(this as never) as Keeper | undefined;
    this.uplink = new Connection(settings, this);
    ({ request: this.request, requestNow: this.requestNow } = this.uplink);
  }

  get userId(): string | undefined {
    return this.identity?.userId ?? this.keeper?.userId;
  }

  resync(): void {
    if (this.flight && this.uplink.state.name === 'live') this.#synchronize(this.flight);
  }

  heard(serverTime: number): void {
    if (this.uplink.state.name === 'live') this.sync.complete(serverTime);
  }

  /** It names its user before the server does. */
  onToken(token: string): void {
    this.keeper?.guess(token);
  }

  async onFlight(signal: AbortSignal): Promise<void> {
    this.flight = signal;
    this.changed();
    await this.keeper?.ready();
    // Not after a farewell of the server either.
    if (signal.aborted || !this.uplink.open) return;
    // First, so that it is on its way before the outbox fills the flight.
    this.#synchronize(signal);
    // What a user wants done waits, also where it would be refused: a message that was written cannot be taken back.
    if (!this.uplink.isCertain) await this.#welcomed(signal).catch(() => {});
    this.standing.resume();
    this.outbox.resume(signal);
  }

  /** Resolves when `auth` is answered, whichever answer comes first. */
  #welcomed(signal: AbortSignal): Promise<void> {
    return this.until(() => this.uplink.state.name !== 'connecting', { signal });
  }

  async #synchronize(signal: AbortSignal): Promise<void> {
    try {
      await this.sync.run(signal);
      await this.#welcomed(signal);
      this.uplink.caughtUp();
    } catch (error) {
      if (!signal.aborted) this.uplink.restart(`the sync failed: ${(error as Error).message}`);
    }
  }

  onIdentity(identity: Identity): void {
    const { userId, tenantId } = this.identity ?? identity;
    if (userId !== identity.userId || tenantId !== identity.tenantId || this.keeper?.belongsTo(identity) === false) {
      // What is in memory belongs to the other one.
      this.uplink.end('otherUser', `the token is of ${identity.userId}`);
      return;
    }
    this.identity = identity;
    for (const { log } of this.conversations.byId.values()) log.echo.adopt(userId);
  }

  /** One push that cannot be handled must not end the connection, nor the process. */
  onPush(name: PushName, body: object): void {
    try {
      this.#route(name, body);
    } catch (error) {
      this.settings.logger.warn(`the push ${name} could not be handled`, { error });
    }
  }

  onState(state: ConnectionState): void {
    if (state.name === 'closed') {
      const error = new ClosedError(state.message);
      this.outbox.failAll(error);
      this.keeper?.close();
      for (const conversation of this.conversations.byId.values()) conversation.stop(error);
    }
    this.emit('state', state);
    this.changed();
  }
}
