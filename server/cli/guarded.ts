// utalk guarded: the server of serve --respawn. Started by it only, so help does not show it. It lives as long as its guardian:
// whatever way that one ends, this one drains and ends too.

import { CommandFailed, defineCommand } from './command.ts';
import type { Listening } from './guardian.ts';
import { requireServerNode } from './node-version.ts';
import { runServer } from './serve.ts';

export const guarded = defineCommand({
  name: 'guarded',
  summary: 'The server of serve --respawn; started by it.',
  options: { again: { type: 'boolean', description: 'An earlier one has printed the start lines' } },
  async run(context, { again }) {
    requireServerNode();
    if (!process.connected) throw new CommandFailed('A guarded server is started by utalk serve --respawn, not by hand.');
    const gone = new AbortController();
    process.once('disconnect', () => gone.abort());
    return runServer(
      { ...context, stop: AbortSignal.any([context.stop, gone.signal]) },
      { announced: again, onListening: tell, kill: () => process.kill(process.pid, 'SIGKILL') },
    );
  },
});

/** Says nothing to a guardian that is gone: its end is noticed by `disconnect`. */
function tell(ports: Listening): void {
  if (process.connected) process.send?.(ports, undefined, undefined, () => {});
}
