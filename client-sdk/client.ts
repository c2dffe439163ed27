// What the application holds: the engine with the calls that bring it up and down.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import type { CommandName } from '../protocol/ops.ts';
import type { Client, ClientEvents, RoomHandle } from './api.ts';
import type { CommandTypes } from './application-commands.ts';
import type { ConnectionState, StateName } from './connection-state.ts';
import type { ConversationHandle } from './conversation-api.ts';
import { Engine } from './engine.ts';
import { AuthRequiredError, ClosedError } from './errors.ts';
import type { Unsubscribe } from './events.ts';
import { type ClientOptions, type Settings, settle } from './options.ts';
import { type PendingOptions, pending } from './pending.ts';
import type { CallOptions } from './requests.ts';
import { watchWake } from './wake.ts';

// Older platforms have no such symbol; there nobody can ask for it either.
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol('asyncDispose');

/**
 * Makes a client. It connects with `connect()`. With the types of the server's routes, `createClient<typeof routes>`, the
 * bodies and replies of `call` are checked.
 * @throws TypeError for a URL that is none, or where the platform has no WebSocket and none was given
 */
export function createClient<Routes extends readonly CommandTypes[] = readonly CommandTypes[]>(options: ClientOptions): Client<Routes> {
  return new RealtimeClient(settle(options)) as Client<Routes>;
}

class RealtimeClient extends Engine implements Client {
  #unwatch = () => {};

  constructor(settings: Settings) {
    super(settings);
    this.on('state', ({ name }) => {
      if ('idle authRequired closed'.includes(name)) this.#unwatch();
    });
  }

  get state(): StateName {
    return this.connection.name;
  }

  get connection(): ConnectionState {
    return this.uplink.state;
  }

  get unsent(): number {
    return this.outbox.size;
  }

  on<E extends keyof ClientEvents>(event: E, listener: (payload: ClientEvents[E]) => void): Unsubscribe {
    return this.events.on(event, listener);
  }

  async connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.state === 'live') return;
    const off = this.on('state', (state) => {
      if (state.name === 'live') live.resolve();
      else if (state.name === 'authRequired') live.reject(new AuthRequiredError(state.reason));
      else if (state.name === 'closed') live.reject(new ClosedError(state.message));
      else if (state.name === 'idle') live.reject(new ClosedError('the attempt was given up'));
    });
    const live = pending<void>({ signal, onEnd: off });
    if (!signal?.aborted) {
      this.#unwatch();
      this.#unwatch = watchWake(() => this.uplink.wake(), this.settings.clock);
      this.uplink.connect();
    }
    try {
      await live.promise;
    } catch (error) {
      if (signal?.aborted) this.uplink.cancel();
      throw error;
    }
  }

  conversation(id: string): ConversationHandle {
    return this.conversations.get(id);
  }

  room(id: string): RoomHandle {
    return this.rooms.get(id);
  }

  async call(name: string, body?: unknown, options?: CallOptions): Promise<unknown> {
    return (await this.request('call', { name, body }, options)).body;
  }

  command<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>> {
    return this.request(name, body, options);
  }

  async drain(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#empty(options);
  }

  close(): void {
    this.uplink.end('client', 'the client was closed');
  }

  async [asyncDispose](): Promise<void> {
    const { clock, ackTimeoutMs } = this.settings;
    const timeout = { clock, ms: ackTimeoutMs, error: () => new ClosedError('not drained') };
    await this.#empty({ timeout }).catch(() => {});
    this.close();
  }

  #empty(options: PendingOptions): Promise<void> {
    const empty = pending<void>(options);
    this.outbox.empty().then(empty.resolve);
    return empty.promise;
  }
}
