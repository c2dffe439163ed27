// utalk migrate: brings the database to this version and ends. serve does the same at its start; this is for deployments in
// which the server's own role may not change tables.

import { readSettings, type Settings } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import { defineCommand } from './command.ts';

export const migrate = defineCommand({
  name: 'migrate',
  summary: 'Bring the database to this version; harmless when it is already.',
  options: {},
  async run({ environment, output }) {
    const { settings } = readSettings(environment);
    const log = createLog(settings.logLevel);
    await withDatabase(settings, log, async (url) => {
      const { migrate: apply } = await import('../store/index.ts');
      await apply({ url, entriesPartitions: settings.entriesPartitions, log });
    });
    output.print('The database is at this version.', { migrated: true });
    return 0;
  },
});

async function withDatabase(settings: Settings, log: Log, use: (url: string) => Promise<void>): Promise<void> {
  if (settings.databaseUrl !== undefined) return use(settings.databaseUrl);
  const { startEmbeddedPostgres } = await import('../store/index.ts');
  const embedded = await startEmbeddedPostgres({ dataDir: settings.dataDir, log });
  try {
    await use(embedded.url);
  } finally {
    await embedded.stop();
  }
}
