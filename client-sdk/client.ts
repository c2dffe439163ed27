// What the application holds: the engine with the calls that bring it up and down.

import type { CommandInput, CommandOutput } from '../protocol/bodies/index.ts';
import type { CommandName } from '../protocol/ops.ts';
import type { Client, RoomHandle } from './api.ts';
import type { CommandTypes } from './application-commands.ts';
import type { ConnectionState, StateName } from './connection-state.ts';
import type { ConversationHandle } from './conversation-api.ts';
import { Engine } from './engine.ts';
import { type ClientOptions, settle } from './options.ts';
import { assertGoing } from './pending.ts';
import type { CallOptions } from './requests.ts';
import { Room } from './room.ts';
import type { WaitOptions } from './waiting.ts';

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
  get state(): StateName {
    return this.connection.name;
  }

  get connection(): ConnectionState {
    return this.uplink.state;
  }

  get unsent(): number {
    return this.outbox.size;
  }

  async connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    assertGoing(signal);
    this.uplink.connect();
    try {
      await this.until(() => this.uplink.isOpen() && this.state === 'live', { signal });
    } catch (error) {
      if (signal?.aborted) this.uplink.cancel();
      throw error;
    }
  }

  conversation(id: string): ConversationHandle {
    return this.conversations.get(id);
  }

  room(id: string): RoomHandle {
    const room = this.rooms.get(id) ?? new Room(id, this);
    this.rooms.set(id, room);
    return room;
  }

  async call(name: string, body?: unknown, options?: CallOptions): Promise<unknown> {
    return (await this.request('call', { name, body }, options)).body;
  }

  command<N extends CommandName>(name: N, body: CommandInput<N>, options?: CallOptions): Promise<CommandOutput<N>> {
    return this.request(name, body, options);
  }

  drain(options?: WaitOptions): Promise<void> {
    return this.until(() => this.outbox.size === 0, options);
  }

  close(): void {
    this.uplink.end('client', 'the client was closed');
  }

  async [asyncDispose](): Promise<void> {
    await this.drain({ timeoutMs: this.settings.ackTimeoutMs }).catch(() => {});
    this.close();
  }
}
