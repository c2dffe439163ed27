// utalk worker: one process of serve --workers. Started by the supervisor only, so help does not show it.

import { createLog } from '../log.ts';
import { defineCommand } from './command.ts';
import { exitOnBugs } from './exit-on-bugs.ts';
import { requireServerNode } from './node-version.ts';

export const worker = defineCommand({
  name: 'worker',
  summary: 'One of the processes of serve --workers; started by it.',
  options: {},
  async run() {
    requireServerNode();
    const { receiveStart, runWorker } = await import('../supervisor/worker.ts');
    const start = await receiveStart();
    const log = createLog(start.settings.logLevel).child({ worker: start.worker });
    exitOnBugs(log);
    return runWorker(start, log);
  },
});
