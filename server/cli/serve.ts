// utalk serve: starts the server, prints the five lines, drains on SIGINT or SIGTERM. Logs go to standard error.

import path from 'node:path';
import { readSettings, type Settings } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import { type Context, defineCommand } from './command.ts';
import { exitOnBugs } from './exit-on-bugs.ts';
import { requireServerNode } from './node-version.ts';
import { describeFailure } from './start-failure.ts';
import { formatStartLines, startLines } from './start-lines.ts';
import { wholeNumber } from './values.ts';
import { program } from './version.ts';

const maxWorkers = 64;

/** One node alone, or a supervisor with its workers. */
interface Served {
  demo: { users: readonly { id: string }[]; conversationId: string; token(userId: string): Promise<string> } | undefined;
  listen(): Promise<{ port: number; httpPort: number }>;
  close(): Promise<void>;
}

export const serve = defineCommand({
  name: 'serve',
  summary: 'Start the server; SIGINT or SIGTERM drains and stops it, a second one stops it at once.',
  options: {
    workers: { type: 'string', value: '<n>', description: `Share PORT among so many processes, 1 to ${maxWorkers}; needs REDIS_URL` },
  },
  async run(context, values) {
    requireServerNode();
    const workers = values.workers === undefined ? undefined : wholeNumber('workers', values.workers, 1, maxWorkers);
    const { settings, warnings } = readSettings(context.environment);
    const log = createLog(settings.logLevel);
    for (const warning of warnings) log.warn(warning);
    exitOnBugs(log);
    try {
      return await serveUntilStopped(context, settings, log, workers);
    } catch (error) {
      const message = describeFailure(error, { PORT: settings.port, HTTP_PORT: settings.httpPort });
      if (message === undefined) throw error;
      context.output.note(message);
      return 1;
    }
  },
});

async function serveUntilStopped({ output, stop }: Context, settings: Settings, log: Log, workers: number | undefined): Promise<number> {
  const served = workers === undefined ? await oneNode(settings, log) : await severalProcesses(settings, log, workers, stop);
  try {
    const { port, httpPort } = await served.listen();
    const demo = served.demo && {
      conversationId: served.demo.conversationId,
      token: await served.demo.token(served.demo.users[0]!.id),
    };
    const lines = startLines({ settings, port, httpPort, program, demo, dataDirs: await dataDirs(settings) });
    output.print(formatStartLines(lines), { ...lines });
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    log.info('stopping');
  } finally {
    await served.close();
  }
  return 0;
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
