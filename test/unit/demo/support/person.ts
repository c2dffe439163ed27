// A person of the demo's laboratory without a page: a client behind a wire and a clock that sleeps, against a server in memory.

import { type Client, type ConversationHandle, createClient } from '../../../../client-sdk/index.ts';
import type { MemoryServer } from '../../../../client-sdk/testing/index.ts';
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

/** @param auth the token; of the memory server it begins with the user's id unless `verify` says otherwise. */
export function labPerson(server: MemoryServer, userId: string, auth = userId): LabPerson {
  const clock = new SleepingClock(server.clock);
  const wire = new Wire({ clock, WebSocket: server.WebSocket });
  const frames: WireFrame[] = [];
  wire.onFrame((frame) => frames.push(frame));
  const quiet = { debug: () => {}, warn: () => {} };
  const client = createClient({ ...server.options(userId), auth, clock, WebSocket: wire.WebSocket, logger: quiet });
  return { clock, wire, frames, client, conversation: client.conversation(conversationId) };
}

/** Connects and joins; resolves when the person is live. */
export async function comeIn(server: MemoryServer, person: LabPerson): Promise<void> {
  await server.clock.run(Promise.all([person.client.connect(), person.conversation.join()]));
}
