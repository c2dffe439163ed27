// The key of development mode: made once in the data directory and kept, so that tokens survive restarts. The command line
// on the same machine reads it too; whoever can read the file is the owner of the server.

import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { StartError } from './errors.ts';

/** Tenant of the demo conversation and of tokens that the command line signs without --tenant. */
export const developmentTenant = 'demo';

const keyFile = 'development.key';
const keyBytes = 32;

/**
 * The HS256 key of this data directory, made when there is none. Two processes that ask at once get the same one.
 * @throws StartError when the directory cannot be written or the file is not a key of ours.
 */
export function developmentSecret(dataDir: string): string {
  const existing = findDevelopmentSecret(dataDir);
  if (existing !== undefined) return existing;
  try {
    createKey(dataDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(
      `Cannot write ${path.resolve(dataDir)} (${code}): make it writable, or set UTALK_DATA_DIR to a directory that is.`,
    );
  }
  return findDevelopmentSecret(dataDir)!;
}

/** The key of this data directory; undefined when there is none. Throws StartError for a file that is not a key of ours. */
export function findDevelopmentSecret(dataDir: string): string | undefined {
  const file = path.join(dataDir, keyFile);
  let key: string;
  try {
    if ((statSync(file).mode & 0o077) !== 0) throw new StartError(`${file} can be read by other users: run chmod 600 on it.`);
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (error instanceof StartError) throw error;
    throw new StartError(`Cannot read ${file} (${code}): run as the user that started the server.`);
  }
  if (/^[0-9a-f]{64}$/.test(key)) return key;
  throw new StartError(`${file} does not hold a key of 64 hex digits: remove it and start the server again.`);
}

// A link to a complete file either appears whole or fails because another process was first; a rename would replace theirs.
function createKey(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true });
  const draft = path.join(dataDir, `.${keyFile}.${randomUUID()}`);
  try {
    writeFileSync(draft, `${randomBytes(keyBytes).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    linkSync(draft, path.join(dataDir, keyFile));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
