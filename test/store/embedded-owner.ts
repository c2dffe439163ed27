// A process that owns an embedded PostgreSQL, for tests that kill it: prints one line of JSON when it runs, or why it does not.

import { pino } from 'pino';
import { startEmbeddedPostgres } from '../../server/store/index.ts';

const [dataDir] = process.argv.slice(2);
try {
  const { url, adopted, stop } = await startEmbeddedPostgres({ dataDir: dataDir!, log: pino({ level: 'silent' }) });
  process.once('SIGTERM', () => void stop().then(() => process.exit(0)));
  process.on('SIGINT', () => {});
  console.log(JSON.stringify({ url, adopted, uid: process.getuid?.() }));
  setInterval(() => {}, 60_000);
} catch (error) {
  console.log(JSON.stringify({ name: (error as Error).constructor.name, message: (error as Error).message }));
  process.exit(1);
}
