// What the application holds: a thin face over the engine.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import type { CommandName } from '../protocol/ops.ts';
import type { Client, ClientEvents, ConversationsHandle, NotificationsHandle, PresenceHandle, RoomHandle } from './api.ts';
import type { ConnectionState, StateName } from './connection-state.ts';
import type { ConversationHandle } from './conversation-api.ts';
import { Engine } from './engine.ts';
import { AuthRequiredError, ClosedError } from './errors.ts';
import type { Unsubscribe } from './events.ts';
import type { Identity } from './handshake.ts';
import { type ClientOptions, settle } from './options.ts';
import { pending } from './pending.ts';
import type { CallOptions } from './requests.ts';
import { watchWake } from './wake.ts';

/**
 * Makes a client. It connects with `connect()`.
 * @throws TypeError for a URL that is none, or where the platform has no WebSocket and none was given
 */
export function createClient(options: ClientOptions): Client {
  return new RealtimeClient(new Engine(settle(options)));
}

class RealtimeClient implements Client {
  readonly #engine: Engine;
  #unwatch = () => {};

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.events.on('state', ({ name }) => {
      if (name === 'closed' || name === 'idle') this.#unwatch();
    });
  }

  get state(): StateName {
    return this.connection.name;
  }

  get connection(): ConnectionState {
    return this.#engine.connection.state;
  }

  get identity(): Identity | undefined {
    return this.#engine.identity;
  }

  get conversations(): ConversationsHandle {
    return this.#engine.conversations;
  }

  get notifications(): NotificationsHandle {
    return this.#engine.notifications;
  }

  get presence(): PresenceHandle {
    return this.#engine.presence;
  }

  get unsent(): number {
    return this.#engine.outbox.size;
  }

  on<E extends keyof ClientEvents>(event: E, listener: (payload: ClientEvents[E]) => void): Unsubscribe {
    return this.#engine.events.on(event, listener);
  }

  async connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.state === 'live') return;
    const { connection } = this.#engine;
    const off = this.on('state', (state) => {
      if (state.name === 'live') live.resolve();
      else if (state.name === 'authRequired') live.reject(new AuthRequiredError(state.reason));
      else if (state.name === 'closed') live.reject(new ClosedError(state.message));
      else if (state.name === 'idle') live.reject(new ClosedError('the attempt was given up'));
    });
    const live = pending<void>({ signal, onEnd: off });
    if (!signal?.aborted) {
      this.#unwatch();
      this.#unwatch = watchWake(() => connection.wake());
      connection.connect();
    }
    try {
      await live.promise;
    } catch (error) {
      if (signal?.aborted) connection.cancel();
      throw error;
    }
  }

  conversation(id: string): ConversationHandle {
    return this.#engine.conversations.get(id);
  }

  room(id: string): RoomHandle {
    return this.#engine.rooms.get(id);
  }

  async call(name: string, body?: unknown, options?: CallOptions): Promise<unknown> {
    return (await this.command('call', { name, body }, options)).body;
  }

  command<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>> {
    return this.#engine.request(name, body, options);
  }

  async drain({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const empty = pending<void>({ signal });
    void this.#engine.outbox.empty().then(() => empty.resolve());
    await empty.promise;
  }

  close(): void {
    this.#engine.connection.end('client', 'The client was closed.');
  }
}
