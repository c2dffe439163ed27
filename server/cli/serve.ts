// utalk serve: starts the server, prints the five lines, drains on SIGINT or SIGTERM. Logs go to standard error.

import path from 'node:path';
import { readSettings, type Settings } from '../config.ts';
import type { Demo } from '../http/demo-routes.ts';
import { createLog, type Log } from '../log.ts';
import { type Context, defineCommand } from './command.ts';
import { exitOnBugs } from './exit-on-bugs.ts';
import { guard, type Listening } from './guardian.ts';
import { requireServerNode } from './node-version.ts';
import type { Output } from './output.ts';
import { describeFailure } from './start-failure.ts';
import { formatStartLines, startLines } from './start-lines.ts';
import { wholeNumber } from './values.ts';
import { program } from './version.ts';

const maxWorkers = 64;

/** How this process serves. */
interface Manner {
  /** Processes that share PORT; this one alone without it. */
  workers?: number | undefined;
  /** The start lines were printed by an earlier start. */
  announced?: boolean;
  onListening?(ports: Listening): void;
  /** Ends this process as a crash would. Given where somebody starts it again; the demo page offers it in development mode. */
  kill?(): void;
}

/** One node alone, or a supervisor with its workers. */
interface Served {
  demo: Pick<Demo, 'users' | 'conversationId' | 'token' | 'kill'> | undefined;
  listen(): Promise<{ port: number; httpPort: number }>;
  close(): Promise<void>;
}

export const serve = defineCommand({
  name: 'serve',
  summary: 'Start the server; SIGINT or SIGTERM drains and stops it, a second one stops it at once.',
  options: {
    workers: { type: 'string', value: '<n>', description: `Share PORT among so many processes, 1 to ${maxWorkers}; needs REDIS_URL` },
    respawn: { type: 'boolean', description: 'Start it again at once when a signal kills it; with --workers that is done anyway' },
  },
  async run(context, values) {
    requireServerNode();
    const workers = values.workers === undefined ? undefined : wholeNumber('workers', values.workers, 1, maxWorkers);
    return values.respawn && workers === undefined ? guard(context) : runServer(context, { workers });
  },
});

/** Serves until it is stopped. @returns the exit code */
export async function runServer(context: Context, manner: Manner): Promise<number> {
  const { settings, warnings } = readSettings(context.environment);
  const log = createLog(settings.logLevel);
  for (const warning of warnings) log.warn(warning);
  exitOnBugs(log);
  try {
    return await serveUntilStopped(context, settings, log, manner);
  } catch (error) {
    const message = describeFailure(error, { PORT: settings.port, HTTP_PORT: settings.httpPort });
    if (message === undefined) throw error;
    context.output.note(message);
    return 1;
  }
}

async function serveUntilStopped({ output, stop }: Context, settings: Settings, log: Log, manner: Manner): Promise<number> {
  const { workers, announced, onListening, kill } = manner;
  const served = workers === undefined ? await oneNode(settings, log) : await severalProcesses(settings, log, workers, stop);
  try {
    if (served.demo && settings.development) served.demo.kill = kill;
    const ports = await served.listen();
    onListening?.(ports);
    if (!announced) await announce(served, settings, ports, output);
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    log.info('stopping');
  } finally {
    await served.close();
  }
  return 0;
}

async function announce({ demo }: Served, settings: Settings, ports: Listening, output: Output): Promise<void> {
  const shown = demo && { conversationId: demo.conversationId, token: await demo.token(demo.users[0]!.id) };
  const lines = startLines({ settings, ...ports, program, demo: shown, dataDirs: await dataDirs(settings) });
  output.print(formatStartLines(lines), { ...lines });
}

// Imported only here, so that the other commands and faults of the settings need neither the native socket library nor a database.
async function oneNode(settings: Settings, log: Log): Promise<Served> {
  const { createApp } = await import('../app.ts');
  return createApp(settings, log);
}

async function severalProcesses(settings: Settings, log: Log, workers: number, stop: AbortSignal): Promise<Served> {
  const { supervise } = await import('../supervisor/supervise.ts');
  const supervisor = await supervise(settings, { workers, program: process.argv[1]!, log });
  // A second signal ends this process at once; without it the workers would drain first.
  process.once('exit', () => stop.aborted && supervisor.kill());
  // A terminal that is closed sends it too, and means the end then.
  if (!process.stdin.isTTY) process.on('SIGHUP', () => void supervisor.replaceWorkers());
  return supervisor;
}

/** What is removed to start anew; nothing with a database of the operator. */
async function dataDirs({ databaseUrl, dataDir }: Settings): Promise<string[]> {
  if (databaseUrl !== undefined) return [];
  const { findPlace } = await import('../store/embedded/place.ts');
  const { moved, directory } = await findPlace(dataDir);
  return moved ? [dataDir, path.dirname(directory)] : [dataDir];
}
