// Ends what a test has started when the test process ends, however it ends: a shell waits for the end of its input, which
// our own end closes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

// The number in the file is believed only when that process works in our directory.
const reap = `cat > /dev/null
pid=$(head -n 1 "$0/$1" 2> /dev/null)
if { readlink "/proc/$pid/cwd" || ps -o command= -p "$pid"; } 2> /dev/null | grep -qF "$0"; then kill -KILL "$pid"; sleep 1; fi
rm -rf "$0"`;

export interface Reaper {
  /** Kills and removes at once. Resolves when it is done. */
  now(): Promise<void>;
}

/**
 * Kills a process and removes its directory after our own end.
 * @param directory in which the process works.
 * @param pidFile within the directory: its first line is the number of the process, if there is one.
 */
export function reapAfterUs(directory: string, pidFile: string): Reaper {
  const shell = spawn('sh', ['-c', reap, directory, pidFile], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  shell.unref();
  (shell.stdin as Socket).unref();
  return {
    async now() {
      shell.ref();
      const gone = once(shell, 'exit');
      shell.stdin.end();
      await gone;
    },
  };
}
