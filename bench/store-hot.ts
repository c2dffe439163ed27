// Eight append queues on one database, each with conversations of its own, and one conversation that they share: a small part of
// the sends must not make the others wait. Short rounds with and without the shared conversation alternate, so that other work
// of the machine meets both. Sends come at random times that do not depend on the answers; or (`--in-flight`) so many senders of
// each queue wait for an answer, think and send again, which is full speed. Exit code 1 when the others' p99 is more than 1.5
// times as long with the shared conversation, in the middle one of the pairs of rounds.
//
//   node bench/store-hot.ts [--rate 2000 | --in-flight 80] [--pairs 15] [--seconds 2] [--share 0.02] [--commit-delay-us 0]

import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { type AppendRow, type Key, migrate, openStore, type Store, type UserRecord } from '../server/store/index.ts';
import { startTestPostgres } from '../test/support/postgres.ts';

const tenant = 'bench';
const queues = 8;
const conversationsEach = 50;
const warmUpSeconds = 3;
const meanThinkMs = 10;
const allowed = 1.5;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    pairs: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '2' },
    share: { type: 'string', default: '0.02' },
    'in-flight': { type: 'string', default: '0' },
    'commit-delay-us': { type: 'string', default: '0' },
  },
});
/** Sends a second of all queues together. */
const rate = Number(values.rate);
const share = Number(values.share);
const seconds = Number(values.seconds);
/** Senders of each queue; 0: as many as come. */
const inFlight = Number(values['in-flight']);

/** One append queue with its own conversations; the last one stands for the shared one in rounds without it. */
interface Node {
  store: Store;
  own: Key[];
  sender: UserRecord;
}

interface Round {
  /** ms from the time a send was due to its answer. */
  others: number[];
  shared: number[];
}

function message(conversation: Key, sender: UserRecord): AppendRow {
  const bodyHash = `01${randomUUID().replaceAll('-', '').slice(2)}`;
  const fixed = {
    tenant,
    senderRole: 'customer',
    type: 'text',
    text: 'text of an entry, about as long as people write',
    accessVersion: 0,
  } as const;
  return { ...fixed, conversation, sender: sender.key, messageId: randomUUID(), id: uuidv7(), bodyHash };
}

function send({ store, sender }: Node, conversation: Key, dueMs: number, into: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.appends.push({
      row: message(conversation, sender),
      settle({ outcome }) {
        if (outcome !== 'stored') reject(new Error(`an append was ${outcome}`));
        into.push(performance.now() - dueMs);
        resolve();
      },
      fail: reject,
    });
  });
}

const randomGap = (meanMs: number) => -Math.log(1 - Math.random()) * meanMs;

/** To a conversation drawn by lot. */
function sendAny(node: Node, shared: Key, dueMs: number, round: Round): Promise<void> {
  const hot = Math.random() < share;
  const own = node.own[Math.floor(Math.random() * node.own.length)]!;
  return send(node, hot ? shared : own, dueMs, hot ? round.shared : round.others);
}

// The pause keeps the senders from marching in step: then every call would carry all of them.
async function keepOpen(node: Node, shared: Key, forMs: number, round: Round): Promise<void> {
  const end = performance.now() + forMs;
  const one = async () => {
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, randomGap(meanThinkMs)));
      await sendAny(node, shared, performance.now(), round);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}

/** Sends at random times, so many a second. */
async function keepPace(node: Node, shared: Key, forMs: number, round: Round): Promise<void> {
  const meanGapMs = (1_000 * queues) / rate;
  const gap = () => randomGap(meanGapMs);
  const [end, open] = [performance.now() + forMs, [] as Promise<void>[]];
  for (let dueMs = performance.now() + gap(); dueMs < end; ) {
    await new Promise((resolve) => setTimeout(resolve, dueMs - performance.now()));
    for (const now = performance.now(); dueMs <= now; dueMs += gap()) open.push(sendAny(node, shared, dueMs, round));
  }
  await Promise.all(open);
}

async function runRound(nodes: readonly Node[], shared: Key | undefined, forSeconds: number): Promise<Round> {
  const round: Round = { others: [], shared: [] };
  const load = inFlight > 0 ? keepOpen : keepPace;
  await Promise.all(nodes.map((node) => load(node, shared ?? node.own.at(-1)!, forSeconds * 1_000, round)));
  return round;
}

async function makeConversation({ store, sender }: Pick<Node, 'store' | 'sender'>): Promise<Key> {
  const request = { tenant, creator: sender.key, workspace: 'main', channel: 'web', members: [], creatorIsMember: true };
  const made = await store.createConversation({ ...request, id: randomUUID() });
  return 'record' in made ? made.record.key : 0;
}

async function openNode(url: string, i: number): Promise<Node> {
  const store = await openStore({ url, pool: 1, prepare: true, queueRows: 20_000, node: randomUUID(), log });
  const [sender] = await store.admitUsers([{ tenant, id: `writer-${i}`, name: 'writer', role: 'customer', workspace: 'main' }]);
  const node = { store, sender: sender!, own: [] as Key[] };
  for (let n = 0; n < conversationsEach; n++) node.own.push(await makeConversation(node));
  return node;
}

function quantile(times: readonly number[], part: number): number {
  return [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
}

const median = (list: readonly number[]) => quantile(list, 0.5);

const p99Of = ({ others }: Round) => quantile(others, 0.99);

function print(label: string, rounds: readonly Round[], of: (round: Round) => number[]): void {
  const perSecond = median(rounds.map((round) => of(round).length)) / seconds;
  const columns = [0.5, 0.95, 0.99].map((part) =>
    median(rounds.map((round) => quantile(of(round), part)))
      .toFixed(2)
      .padStart(9),
  );
  console.log(`${label.padEnd(32)}${perSecond.toFixed(0).padStart(8)}/s${columns.join('')}`);
}

async function compare(nodes: readonly Node[]): Promise<void> {
  const hot = await makeConversation(nodes[0]!);
  const [without, beside]: [Round[], Round[]] = [[], []];
  await runRound(nodes, hot, warmUpSeconds);
  for (let i = 0; i < Number(values.pairs); i++) {
    // Which of the two comes first alternates as well.
    for (const shared of i % 2 === 0 ? [undefined, hot] : [hot, undefined]) {
      (shared ? beside : without).push(await runRound(nodes, shared, seconds));
    }
  }
  console.log('ms, medians of the rounds'.padEnd(42) + ['p50', 'p95', 'p99'].map((name) => name.padStart(9)).join(''));
  print('without: sends to own', without, ({ others }) => others);
  print('shared: sends to own', beside, ({ others }) => others);
  print('shared: sends to the shared one', beside, ({ shared }) => shared);
  const ratios = beside.map((round, i) => p99Of(round) / p99Of(without[i]!)).sort((a, b) => a - b);
  console.log(`the others' p99, with / without, of each pair: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`);
  console.log(`in the middle ${median(ratios).toFixed(2)}, with ${share * 100} % of the sends in one conversation`);
  if (median(ratios) > allowed) process.exitCode = 1;
}

const log = pino({ level: 'warn' });
const postgresql = await startTestPostgres({
  fsync: 'on',
  shared_buffers: '1GB',
  max_wal_size: '8GB',
  commit_delay: values['commit-delay-us'],
  commit_siblings: '0',
});
try {
  await migrate({ url: postgresql.url, log });
  const nodes = await Promise.all(Array.from({ length: queues }, (_, i) => openNode(postgresql.url, i)));
  await compare(nodes).finally(() => Promise.all(nodes.map(({ store }) => store.close())));
} finally {
  await postgresql.stop();
}
