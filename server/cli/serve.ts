// utalk serve: starts the server, prints the five lines, drains on SIGINT or SIGTERM. Logs go to standard error.

import path from 'node:path';
import { readSettings, type Settings } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import { type Context, defineCommand } from './command.ts';
import { requireServerNode } from './node-version.ts';
import { describeFailure } from './start-failure.ts';
import { formatStartLines, startLines } from './start-lines.ts';
import { program } from './version.ts';

export const serve = defineCommand({
  name: 'serve',
  summary: 'Start the server; SIGINT or SIGTERM drains and stops it, a second one stops it at once.',
  options: {},
  async run(context) {
    requireServerNode();
    const { settings, warnings } = readSettings(context.environment);
    const log = createLog(settings.logLevel);
    for (const warning of warnings) log.warn(warning);
    exitOnBugs(log);
    try {
      return await serveUntilStopped(context, settings, log);
    } catch (error) {
      const message = describeFailure(error, { PORT: settings.port, HTTP_PORT: settings.httpPort });
      if (message === undefined) throw error;
      context.output.note(message);
      return 1;
    }
  },
});

async function serveUntilStopped({ output, stop }: Context, settings: Settings, log: Log): Promise<number> {
  // Only here, so that the other commands and the faults above need neither the native socket library nor a database.
  const { createApp } = await import('../app.ts');
  const app = await createApp(settings, log);
  try {
    const { port, httpPort } = await app.listen();
    const demo = app.demo && { conversationId: app.demo.conversationId, token: await app.demo.token(app.demo.users[0]!.id) };
    const lines = startLines({ settings, port, httpPort, program, demo, dataDirs: await dataDirs(settings) });
    output.print(formatStartLines(lines), { ...lines });
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    log.info('stopping');
  } finally {
    await app.close();
  }
  return 0;
}

/** What is removed to start anew; nothing with a database of the operator. */
async function dataDirs({ databaseUrl, dataDir }: Settings): Promise<string[]> {
  if (databaseUrl !== undefined) return [];
  const { findPlace } = await import('../store/embedded/place.ts');
  const { moved, directory } = await findPlace(dataDir);
  return moved ? [dataDir, path.dirname(directory)] : [dataDir];
}

// What Node would print of an error could hold texts of people; the log scrubs it.
function exitOnBugs(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, event);
      process.exit(1);
    });
  }
}
