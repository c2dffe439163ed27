// Which process listens on a port, from /proc; for the remedy of "port in use". Undefined where it cannot be known.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const listening = '0A';

/** `node server/cli/main.ts serve (pid 4711)`, as far as this user may see it. */
export function portOwner(port: number): string | undefined {
  try {
    const sockets = new Set(
      ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`),
    );
    const pid = sockets.size === 0 ? undefined : processIds().find((candidate) => holds(candidate, sockets));
    return pid === undefined ? undefined : `${commandOf(pid)} (pid ${pid})`;
  } catch {
    return undefined;
  }
}

function listeningInodes(table: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync(table, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === listening && local?.endsWith(`:${hexPort}`))
    .flatMap((columns) => columns[9] ?? []);
}

function processIds(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function holds(pid: string, sockets: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => sockets.has(readlinkSync(`${folder}/${fd}`)));
  } catch {
    // Processes of others, and those that just ended.
    return false;
  }
}

function commandOf(pid: string): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 120);
}
