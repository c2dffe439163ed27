// The load generator: a process of its own that the bench drives over IPC, one request at a time. It ends with its parent.

import { BurstLoad, type BurstShape } from './burst-load.ts';
import { cleanVerdict } from './checks.ts';
import type { Target } from './connection.ts';
import { Fleet } from './fleet.ts';
import { SustainedLoad } from './sustained-load.ts';

const fleets = new Map<string, Fleet>();
let load: SustainedLoad | BurstLoad | undefined;

function fleet(name: string): Fleet {
  const found = fleets.get(name);
  if (!found) throw new Error(`no fleet named ${name}`);
  return found;
}

/** What the bench may ask. Each takes one JSON value and answers one. */
export const requests = {
  async open(ask: { fleet: string; targets: Target[]; tokens: string[]; parallel: number; nodes?: number[] }) {
    const opening = fleets.get(ask.fleet) ?? new Fleet(ask.targets);
    fleets.set(ask.fleet, opening);
    return opening.open(ask.tokens, ask.parallel, ask.nodes);
  },

  async create(ask: { fleet: string; conversations: { creator: number; id: string; members: string[] }[] }) {
    await fleet(ask.fleet).create(
      ask.conversations.map(({ creator, id, members }) => ({ creator, body: { id, members: members.slice(0, 100), channel: 'web' } })),
    );
    for (const { creator, id, members } of ask.conversations) await fleet(ask.fleet).addMembers(creator, id, members.slice(100));
  },

  /** Joins the sessions from number `from` on to the conversations in turn. */
  async join(ask: { fleet: string; conversationIds: string[]; from: number }) {
    await fleet(ask.fleet).join(ask.conversationIds, ask.from);
  },

  /** Every sender keeps `inFlight` sends open; senders are the first `senders` sessions. */
  async sustain(ask: { fleet: string; senders: number; inFlight: number; text: string }) {
    const { sessions } = fleet(ask.fleet);
    const senders = sessions.slice(0, ask.senders);
    for (const sender of senders) sender.aimAt(sender.conversationId, ask.text);
    load = new SustainedLoad(sessions, senders);
    load.start(ask.inFlight);
  },

  /** Session 0 sends bursts to the conversation, all others are its subscribers. */
  async burst(ask: { fleet: string; conversationId: string; text: string; shape: BurstShape }) {
    const [sender, ...subscribers] = fleet(ask.fleet).sessions;
    if (!sender) throw new Error('an empty fleet cannot send');
    sender.aimAt(ask.conversationId, ask.text);
    load = new BurstLoad(sender, subscribers, ask.shape);
    load.start();
  },

  async lap() {
    return load?.lap();
  },

  /** Ends the load when all is answered; after `timeoutMs` in any case: the checks then name what is missing. */
  async stop(ask: { timeoutMs: number }) {
    const timeout = AbortSignal.timeout(ask.timeoutMs);
    await Promise.race([load?.stop(), new Promise((resolve) => timeout.addEventListener('abort', resolve))]);
    load = undefined;
  },

  async verify(ask: { fleet: string; withLog: boolean }) {
    return fleets.has(ask.fleet) ? fleet(ask.fleet).verify(ask.withLog) : cleanVerdict();
  },

  async close(ask: { fleet: string }) {
    await fleet(ask.fleet).close();
    fleets.delete(ask.fleet);
  },
};

export type Requests = typeof requests;

/** Refusals and network errors speak for themselves; anything else is a bug here, and its stack is wanted. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === 'Error' ? error.message : (error.stack ?? error.message);
}

process.on('message', async ({ name, ask }: { name: keyof Requests; ask: never }) => {
  try {
    process.send?.({ answer: await requests[name](ask) });
  } catch (error) {
    process.send?.({ error: describe(error) });
  }
});
process.on('disconnect', () => process.exit());
