// A person of the demo's laboratory without a page: a client behind a wire and a clock that sleeps, against a server in memory.

import { type Client, type ConversationHandle, createClient, type PersistentStore } from '../../../../client-sdk/index.ts';
import type { MemoryPage, MemoryServer } from '../../../../client-sdk/testing/index.ts';
import type { WireFrame } from '../../../../server/http/demo/lab/frame.ts';
import { SleepingClock } from '../../../../server/http/demo/lab/sleeping-clock.ts';
import { Wire } from '../../../../server/http/demo/lab/wire.ts';

export interface LabPerson {
  readonly clock: SleepingClock;
  readonly wire: Wire;
  readonly frames: WireFrame[];
  readonly client: Client;
  readonly conversation: ConversationHandle;
}

export const conversationId = 'demo';

export interface LabPersonOptions {
  /** The token; the memory server takes a user's id for one. */
  auth?: string;
  /** A page of a device that lives longer. */
  page?: MemoryPage;
  store?: PersistentStore;
}

export function labPerson(server: MemoryServer, userId: string, options: LabPersonOptions = {}): LabPerson {
  const { auth = userId, page = server.device(userId).page(), store } = options;
  const clock = new SleepingClock(page.clock);
  const wire = new Wire({ clock, WebSocket: page.options.WebSocket });
  const frames: WireFrame[] = [];
  wire.onFrame((frame) => frames.push(frame));
  // As the token of the real server would say: what a store keeps for this user is shown before the network is asked.
  const user = store && { tenantId: 'acme', userId };
  const quiet = { debug: () => {}, warn: () => {} };
  const client = createClient({ ...page.options, auth, user, store, clock, WebSocket: wire.WebSocket, logger: quiet });
  return { clock, wire, frames, client, conversation: client.conversation(conversationId) };
}

/** Connects and joins; resolves when the person is live. */
export async function comeIn(server: MemoryServer, person: LabPerson): Promise<void> {
  await server.clock.run(Promise.all([person.client.connect(), person.conversation.join()]));
}
