// One sender with many messages in flight, while members change, copies are old and calls fail: whatever the schedule, the log
// has the messages in the order they were written, each once. The client does what PROTOCOL §7 asks of it and nothing more.

import { expect, test } from 'vitest';
import { encodeCommand, unpack } from '../../../protocol/codec.ts';
import { errorKind } from '../../../protocol/index.ts';
import { Dispatch } from '../../../server/commands/dispatch.ts';
import type { Services } from '../../../server/commands/services.ts';
import { routeTable } from '../../../server/commands/table.ts';
import { Conversations } from '../../../server/domain/conversations.ts';
import { Log } from '../../../server/domain/log.ts';
import { Typing } from '../../../server/domain/typing.ts';
import { Registry } from '../../../server/session/registry.ts';
import type { AppendAnswer, CommitHandler, ConversationRecord, PendingAppend, Store } from '../../../server/store/store.ts';
import { QueueFull, StoreUnavailable } from '../../../server/store/store.ts';
import { alone, authenticate, identityOf, newDelivery, openSession } from '../session/recording-socket.ts';

const messages = 24;
const messageId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Deterministic, so that a failing schedule can be named by its seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Load {
  /** What is read is fixed here, and told later. */
  read(): void;
  answer?: () => void;
}

/** PostgreSQL and the append queue, as far as their contract goes; every answer is given when the schedule says so. */
class Model {
  readonly log: number[] = [];
  version = 1;
  stale = 0;
  readonly #waiting: PendingAppend[] = [];
  #flight: (() => void) | undefined;
  readonly #announcements: number[] = [];
  readonly #loads: Load[] = [];
  readonly conversations: Conversations;
  readonly store: Store;

  constructor() {
    const appends = {
      push: (pending: PendingAppend) => {
        if (this.#waiting.length >= 30) pending.fail(new QueueFull('full', 10));
        else this.#waiting.push(pending);
      },
      onCommit: (() => {}) as CommitHandler,
      waiting: 0,
      drained: async () => {},
    };
    this.store = {
      appends,
      loadConversations: (ids: readonly unknown[]) =>
        new Promise((resolve) => {
          const load: Load = {
            read: () => {
              const known = { record: this.record(), members: new Set([1, 2]) };
              load.answer = () => resolve(ids.map(() => known));
            },
          };
          this.#loads.push(load);
        }),
    } as unknown as Store;
    this.conversations = new Conversations(this.store);
  }

  record(): ConversationRecord {
    return {
      key: 7,
      tenant: 't',
      id: 'c',
      workspace: 'w',
      channel: 'web',
      status: 'open',
      botEnabled: false,
      ownerEpoch: 0,
      accessVersion: this.version,
      createdBy: { key: 1, id: 'u1' },
      createdAtMs: 0,
    };
  }

  /** One call: decided now, answered later. */
  commit(rows: number): void {
    if (this.#flight || this.#waiting.length === 0) return;
    const taken = this.#waiting.splice(0, Math.max(1, rows));
    const answers = taken.map((pending) => this.#decide(pending));
    this.#flight = () => {
      for (const [i, pending] of taken.entries()) pending.settle(answers[i] as AppendAnswer);
    };
  }

  /** A call whose outcome is lost, stored or not; what waits behind it fails as well. */
  lose(rows: number, stored: boolean): void {
    if (this.#flight || this.#waiting.length === 0) return;
    const taken = this.#waiting.splice(0, Math.max(1, rows));
    if (stored) for (const pending of taken) this.#decide(pending);
    this.#flight = () => {
      for (const pending of [...taken, ...this.#waiting.splice(0)]) pending.fail(new StoreUnavailable('the outcome is unknown'));
    };
  }

  #decide({ row }: PendingAppend): AppendAnswer {
    const n = Number(row.messageId.slice(-12));
    const known = this.log.indexOf(n) + 1;
    const outcome = known > 0 ? 'repeated' : row.accessVersion !== this.version ? 'stale' : 'stored';
    if (outcome === 'stored') this.log.push(n);
    if (outcome === 'stale') this.stale++;
    const seq = outcome === 'stale' ? 0 : this.log.indexOf(n) + 1;
    return { outcome, seq, id: row.id, createdAtMs: 1, accessVersion: this.version, ownerEpoch: 0, head: this.log.length };
  }

  answer(): void {
    const flight = this.#flight;
    this.#flight = undefined;
    flight?.();
  }

  change(): void {
    this.version++;
    this.#announcements.push(this.version);
  }

  announce(): void {
    const accessVersion = this.#announcements.shift();
    if (accessVersion !== undefined)
      this.conversations.membersChanged({ conversationId: 'c', conversation: 7, accessVersion, added: [], removed: [] });
  }

  read(): void {
    this.#loads.find((load) => !load.answer)?.read();
  }

  answerLoad(): void {
    const place = this.#loads.findIndex((load) => load.answer);
    if (place >= 0) this.#loads.splice(place, 1)[0]?.answer?.();
  }
}

/** A client that keeps its order through refusals. */
class Client {
  readonly refused: number[] = [];
  readonly #dispatch: Dispatch;
  readonly #session;
  readonly #socket;
  #next = 1;
  #retries: { n: number; first: boolean }[] = [];
  readonly #open = new Set<number>();
  #round: number[] = [];
  #read = 0;

  constructor(model: Model) {
    const delivery = newDelivery();
    const registry = new Registry({ sessionsPerUser: 10, sessionPolicy: 'multi', rateProfile: 'bench' });
    const services = {
      settings: { textPolicy: 'strip' },
      store: model.store,
      conversations: model.conversations,
      log: new Log({ store: model.store, delivery, announce: alone, onGrown: () => {}, onUnknown: () => {} }),
      typing: new Typing({ publish: () => {} }, alone),
      registry,
    } as unknown as Services;
    this.#dispatch = new Dispatch(routeTable(services, []), 1_000);
    const { session, socket } = openSession({ delivery, limited: false });
    registry.open(session);
    session.identity = identityOf(1);
    registry.enter(session, 1);
    authenticate(session, identityOf(1));
    this.#session = session;
    this.#socket = socket;
  }

  get isDone(): boolean {
    return this.#next > messages && this.#open.size === 0 && this.#round.length === 0 && this.#retries.length === 0;
  }

  /** Sends the next one, new or again; after a refusal nothing before all open ones are answered. */
  send(): void {
    const retry = this.#retries.shift();
    if (retry) this.#write(retry.n, retry.first);
    else if (this.#round.length === 0 && this.#next <= messages) this.#write(this.#next++, false);
  }

  #write(n: number, first: boolean): void {
    this.#open.add(n);
    const body = { conversationId: 'c', messageId: messageId(n), type: 'text' as const, text: `text ${n}`, first: first || undefined };
    this.#dispatch.receive(this.#session, encodeCommand('message:send', n, body));
  }

  take(): void {
    for (const frame of this.#socket.frames.slice(this.#read)) {
      this.#read++;
      const [kind, n, slots] = unpack(frame) as [number, number, unknown[]];
      this.#open.delete(n);
      if (kind !== errorKind) continue;
      expect(slots[2], `message ${n} was refused for good: ${slots[0]}`).toBe(true);
      this.#round.push(n);
      this.refused.push(n);
    }
    if (this.#open.size > 0 || this.#round.length === 0 || this.#retries.length > 0) return;
    this.#retries = this.#round.toSorted((a, b) => a - b).map((n, i) => ({ n, first: i === 0 }));
    this.#round = [];
  }
}

async function run(seed: number): Promise<{ stale: number; refused: number }> {
  const random = randomFrom(seed);
  const model = new Model();
  const client = new Client(model);
  const changes = random(2) === 0 ? 3 : 12;
  const step = (settling: boolean): Promise<void> | undefined => {
    const action = random(settling ? 7 : 10 + changes);
    const together = action < 2 && random(3) === 0;
    if (action < 2) client.send();
    else if (action === 2) model.commit(random(12));
    else if (action === 3) model.answer();
    else if (action === 4) model.read();
    else if (action === 5) model.answerLoad();
    else if (action === 6) model.announce();
    else if (action === 7) model.lose(random(6), random(2) === 0);
    else if (action >= 10) model.change();
    // Only frames come several at a time; everything else is a turn of its own.
    return together ? undefined : turn();
  };
  for (let steps = 0; !client.isDone; steps++) {
    if (steps > 20_000) throw new Error(`schedule ${seed} does not come to an end: ${model.log.join(' ')}`);
    await step(steps > 150);
    client.take();
  }
  expect(model.log, `schedule ${seed}`).toEqual(Array.from({ length: messages }, (_, i) => i + 1));
  return { stale: model.stale, refused: client.refused.length };
}

test('the log has the order of the sender in 1,000 random schedules', { timeout: 120_000 }, async () => {
  const schedules = Number(process.env.MODEL_SCHEDULES ?? 1_000);
  const firstSeed = Number(process.env.MODEL_SEED ?? 1);
  const seen = { stale: 0, refused: 0 };
  for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
    const { stale, refused } = await run(seed);
    seen.stale += stale;
    seen.refused += refused;
  }
  // The schedules are about something: sends were stale, and were refused.
  expect(seen.stale).toBeGreaterThan(schedules);
  expect(seen.refused).toBeGreaterThan(schedules);
});
