// Runs the PostgreSQL programs on one place: make, look, start, stop. PostgreSQL gets a session of its own, so a signal to
// our process group does not reach it, and it outlives us until it is told to stop.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { StartError } from '../../errors.ts';
import { dataOf, logOf, type Place } from './place.ts';

export const databaseUser = 'utalk';
export const databaseName = 'postgres';

// Fewer and larger checkpoints than the defaults: at 25,000 entries a second those come once a minute.
const settings = {
  listen_addresses: '127.0.0.1',
  // Relative to the data directory: nothing is left in the temporary folder, and no path is too long for a socket.
  unix_socket_directories: '.',
  shared_buffers: '256MB',
  // Of a supervisor and 64 workers, and some more.
  max_connections: '500',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  wal_compression: 'on',
  fsync: 'on',
  synchronous_commit: 'on',
} as const;

/** After a crash up to max_wal_size has to be replayed. */
const startTimeoutSeconds = 600;

/**
 * Makes the database files when there are none. The outcome of an interrupted try is thrown away.
 * @param extra further flags of initdb.
 */
export async function createCluster(bin: string, place: Place, extra: readonly string[] = []): Promise<void> {
  if (existsSync(dataOf(place))) return;
  const stamp = randomBytes(6).toString('hex');
  const draft = path.join(place.directory, `data.${stamp}`);
  const passwordFile = path.join(place.directory, `password.${stamp}`);
  try {
    writeFileSync(passwordFile, place.password, { mode: 0o600, flag: 'wx' });
    if (place.owner) chownSync(passwordFile, place.owner.uid, place.owner.gid);
    const flags = [`--username=${databaseUser}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
    const made = await run(bin, 'initdb', ['-D', draft, ...flags, ...extra], place);
    if (made.status !== 0) throw new StartError(`initdb failed in ${place.directory}: ${made.output}`);
    // Another process that started at the same moment may have been first; then its files stay and ours go.
    if (!existsSync(dataOf(place))) renameSync(draft, dataOf(place));
  } catch (error) {
    if (!existsSync(dataOf(place))) throw error;
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The port of the running PostgreSQL, or undefined when none runs. Removes what a crash of everything has left. */
export async function runningPort(bin: string, place: Place): Promise<number | undefined> {
  const pidFile = path.join(dataOf(place), 'postmaster.pid');
  const { pid, port } = readPidFile(pidFile);
  if (pid === undefined) return undefined;
  if (!isPostmaster(pid, dataOf(place))) {
    for (const name of readdirSync(dataOf(place))) {
      if (name.startsWith('.s.PGSQL.')) rmSync(path.join(dataOf(place), name), { force: true });
    }
    rmSync(pidFile, { force: true });
    return undefined;
  }
  const { status } = await run(bin, 'pg_ctl', ['status', '-D', dataOf(place)], place);
  return status === 0 ? port : undefined;
}

/**
 * Starts PostgreSQL and waits until it answers.
 * @param overrides settings that differ from ours; values without spaces.
 * @throws StartError with the end of its log.
 */
export async function startCluster(
  bin: string,
  place: Place,
  port: number,
  overrides: Readonly<Record<string, string>> = {},
): Promise<void> {
  const options = [`-p ${port}`, ...Object.entries({ ...settings, ...overrides }).map(([name, value]) => `-c ${name}=${value}`)].join(' ');
  const flags = ['-w', '-s', '-t', String(startTimeoutSeconds), '-D', dataOf(place), '-l', logOf(place), '-o', options];
  const started = await run(bin, 'pg_ctl', ['start', ...flags], place);
  if (started.status !== 0) throw new StartError(`PostgreSQL does not start: ${started.output}\n${endOfLog(place)}`);
}

/** Stops PostgreSQL and waits; sessions that are still open are ended. Harmless when none runs. */
export async function stopCluster(bin: string, place: Place): Promise<void> {
  await run(bin, 'pg_ctl', ['stop', '-w', '-s', '-m', 'fast', '-D', dataOf(place)], place);
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function readPidFile(file: string): { pid?: number; port?: number } {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]) || undefined };
  } catch {
    return {};
  }
}

// After a reboot the number in the file may belong to any process, and a killed postmaster stays a zombie until somebody asks for
// its status; PostgreSQL and pg_ctl would take either for a running server. A postmaster works in its data directory. Without
// /proc PostgreSQL's own check is what is left; with it, the shared memory still keeps a second one from starting.
function isPostmaster(pid: number, data: string): boolean {
  if (!existsSync('/proc/self/cwd')) return true;
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
  } catch {
    return false;
  }
}

function endOfLog(place: Place): string {
  try {
    return readFileSync(logOf(place), 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  } catch {
    return '';
  }
}

function run(bin: string, program: string, args: string[], place: Place): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const { PATH, HOME, TMPDIR, LD_LIBRARY_PATH } = process.env;
    const child = spawn(path.join(bin, program), args, {
      ...place.owner,
      cwd: place.directory,
      // Nothing else of our environment: PG… variables would change what the programs do.
      env: { PATH, HOME, TMPDIR, LD_LIBRARY_PATH, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output: output.trim() }));
  });
}
