// A process that met a bug ends, and its end is logged. What Node would print of an error could hold texts of people; the log
// scrubs it.

import type { Log } from '../log.ts';

export function exitOnBugs(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, event);
      process.exit(1);
    });
  }
}
