// Faults at start in words that end with what to do.

import { StartError } from '../errors.ts';
import { portOwner } from './port-owner.ts';

const remedies = new Map<string, string>([
  ['ENOSPC', 'The disk is full: free some space, or set UTALK_DATA_DIR to a directory on another disk.'],
  ['EDQUOT', 'The disk quota is used up: free some space, or set UTALK_DATA_DIR to a directory on another disk.'],
  ['EROFS', 'The file system is read-only: set UTALK_DATA_DIR to a directory that can be written.'],
  ['EMFILE', 'Too many open files: raise the limit (ulimit -n 65536).'],
]);

/**
 * The message for a fault that is known and has a remedy; undefined for a bug, whose stack should be seen.
 * @param ports the ports that were to be opened, for naming who has them.
 */
export function describeFailure(error: unknown, ports: Readonly<Record<string, number>> = {}): string | undefined {
  const { code } = error as { code?: unknown };
  const remedy = typeof code === 'string' ? remedies.get(code) : undefined;
  if (remedy !== undefined) return remedy;
  return error instanceof StartError ? [error.message, ...holders(error.message, ports)].join('\n') : undefined;
}

function holders(message: string, ports: Readonly<Record<string, number>>): string[] {
  return Object.entries(ports).flatMap(([variable, port]) => {
    if (port === 0 || !new RegExp(`\\b${port}\\b`).test(message)) return [];
    const owner = portOwner(port);
    return owner === undefined ? [] : [`Port ${port} is held by: ${owner}. Stop it, or start with ${variable}=${port + 10}.`];
  });
}
