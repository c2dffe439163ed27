// Appends at full speed while somebody else keeps a snapshot open, as a backup or a report does: dead versions of hot rows would
// make every append slower than the one before. Judged by what a row costs the database session in CPU, because other work of the
// machine changes the rows a second. Exit code 1 when a row of the last third costs more than 1.3 times what it cost before.
//
//   node bench/store-snapshot.ts [--seconds 60] [--conversations 50] [--in-flight 500]

import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import postgres from 'postgres';
import { v7 as uuidv7 } from 'uuid';
import { type AppendRow, type Key, migrate, openStore, type Store, startEmbeddedPostgres, type UserRecord } from '../server/store/index.ts';

const tenant = 'bench';
const warmUpSeconds = 5;
const allowed = 1.3;
/** Of /proc/<pid>/stat. */
const ticksPerSecond = 100;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    conversations: { type: 'string', default: '50' },
    'in-flight': { type: 'string', default: '500' },
  },
});
const seconds = Number(values.seconds);

interface Load {
  stored(): number;
  stop(): Promise<void>;
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

/** Keeps so many appends in flight until it is stopped. */
function startLoad(store: Store, conversations: readonly Key[], sender: UserRecord, inFlight: number): Load {
  let stored = 0;
  let next = 0;
  let stopped = false;
  const one = () => {
    if (stopped) return;
    store.appends.push({
      row: message(conversations[next++ % conversations.length]!, sender),
      settle({ outcome }) {
        if (outcome !== 'stored') throw new Error(`an append was ${outcome}`);
        stored++;
        one();
      },
      fail(error) {
        throw error;
      },
    });
  };
  for (let i = 0; i < inFlight; i++) one();
  return {
    stored: () => stored,
    async stop() {
      stopped = true;
      await store.appends.drained();
    },
  };
}

interface Rate {
  perSecond: number;
  cpuUsPerRow: number;
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** One figure for each of so many equal parts of the time. `pid`: the session that appends. */
async function observe(load: Load, pid: number, forSeconds: number, parts: number): Promise<Rate[]> {
  const rates: Rate[] = [];
  for (let part = 0; part < parts; part++) {
    const [stored, cpu, start] = [load.stored(), cpuMs(pid), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, (forSeconds * 1_000) / parts));
    const rows = load.stored() - stored;
    rates.push({ perSecond: (rows / (performance.now() - start)) * 1_000, cpuUsPerRow: ((cpuMs(pid) - cpu) * 1_000) / rows });
  }
  return rates;
}

async function makeConversations(store: Store, creator: UserRecord): Promise<Key[]> {
  const request = { tenant, creator: creator.key, workspace: 'main', channel: 'web', members: [], creatorIsMember: true };
  const made = await Promise.all(
    Array.from({ length: Number(values.conversations) }, () => store.createConversation({ ...request, id: randomUUID() })),
  );
  return made.map((each) => ('record' in each ? each.record.key : 0));
}

const mean = (list: readonly Rate[]) => list.reduce((sum, { cpuUsPerRow }) => sum + cpuUsPerRow, 0) / list.length;

function print(label: string, rates: readonly Rate[]): void {
  const line = (what: string, of: (rate: Rate) => string) =>
    console.log(`${label.padEnd(20)}${what.padEnd(12)}${rates.map((rate) => of(rate).padStart(8)).join('')}`);
  line('rows/s', ({ perSecond }) => perSecond.toFixed(0));
  line('CPU us/row', ({ cpuUsPerRow }) => cpuUsPerRow.toFixed(1));
}

async function run(store: Store, sql: postgres.Sql): Promise<void> {
  const [sender] = await store.admitUsers([{ tenant, id: 'writer', name: 'writer', role: 'customer', workspace: 'main' }]);
  const load = startLoad(store, await makeConversations(store, sender!), sender!, Number(values['in-flight']));
  const [session] = await sql<{ pid: number }[]>`select pid from pg_stat_activity where application_name like 'utalk%fast lane'`;
  const watch = (forSeconds: number, parts: number) => observe(load, session!.pid, forSeconds, parts);
  await watch(warmUpSeconds, 1);
  const before = await watch(seconds / 3, 4);
  print('before', before);
  let during: Rate[] = [];
  await sql.begin('isolation level repeatable read', async (snapshot) => {
    await snapshot`select count(*) from utalk.entries`;
    during = await watch(seconds, 12);
  });
  print('with open snapshot', during);
  print('after', await watch(seconds / 6, 2));
  await load.stop();
  const factor = mean(during.slice(-4)) / mean(before);
  console.log(`a row of the snapshot's last third costs ${factor.toFixed(2)} times what it cost before`);
  if (factor > allowed) process.exitCode = 1;
}

const dataDir = mkdtempSync(path.join(tmpdir(), 'utalk-bench-'));
chmodSync(dataDir, 0o755);
const log = pino({ level: 'warn' });
const postgresql = await startEmbeddedPostgres({ dataDir, log });
try {
  await migrate({ url: postgresql.url, log });
  const store = await openStore({ url: postgresql.url, pool: 2, prepare: true, queueRows: 20_000, node: randomUUID(), log });
  const sql = postgres(postgresql.url, { max: 1, onnotice: () => {} });
  await run(store, sql).finally(() => Promise.all([store.close(), sql.end()]));
} finally {
  await postgresql.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
