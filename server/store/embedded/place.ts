// Decides where the files of the embedded PostgreSQL lie and who owns them. Data that exists is never passed over for an
// empty place: a permission that changed must not look like a fresh start.

import { createHash, randomBytes } from 'node:crypto';
import { chownSync, existsSync, linkSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { StartError } from '../../errors.ts';
import { isRoot, nobody, type Owner, reaches } from './owner.ts';

/** Used as root when the configured directory cannot be reached by the user that PostgreSQL runs as. */
export const fallbackRoot = '/var/lib/utalk';

export interface Place {
  /** Holds `data` (PGDATA) and `server.log`; mode 0700, owned by `owner`. */
  directory: string;
  owner: Owner | undefined;
  password: string;
  /** The configured directory was out of reach. */
  moved: boolean;
}

export const dataOf = (place: Pick<Place, 'directory'>): string => path.join(place.directory, 'data');
export const logOf = (place: Pick<Place, 'directory'>): string => path.join(place.directory, 'server.log');

/**
 * Finds or makes the place that belongs to a data directory.
 * @throws StartError when it cannot be made, or belongs to a user we cannot act as.
 */
export async function findPlace(dataDir: string, root = fallbackRoot): Promise<Place> {
  const password = keepPassword(dataDir);
  const own = path.join(realpathSync(dataDir), 'postgres');
  const foreign = path.join(root, createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 16), 'postgres');
  if (!isRoot()) return { directory: claim(own, undefined), owner: undefined, password, moved: false };
  if (hasData(own)) return { directory: own, owner: ownerOf(own), password, moved: false };
  const owner = hasData(foreign) ? ownerOf(foreign) : await nobody();
  const moved = hasData(foreign) || !reaches(owner, dataDir);
  return { directory: claim(moved ? foreign : own, owner), owner, password, moved };
}

const hasData = (directory: string): boolean => existsSync(path.join(directory, 'data', 'PG_VERSION'));

function ownerOf(directory: string): Owner {
  const { uid, gid } = statSync(path.join(directory, 'data'));
  const owner = { uid, gid };
  if (reaches(owner, directory)) return owner;
  throw new StartError(
    `${directory} belongs to user ${uid}, who cannot enter a directory above it: allow that (chmod o+x), or start as that user.`,
  );
}

function claim(directory: string, owner: Owner | undefined): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    if (owner) chownSync(directory, owner.uid, owner.gid);
    else if (statSync(directory).uid !== process.getuid?.()) throw Object.assign(new Error(), { code: 'EPERM' });
    return directory;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(
      `The directory of PostgreSQL, ${directory}, cannot be used (${code}): start as its owner, or set UTALK_DATA_DIR or DATABASE_URL.`,
    );
  }
}

// Written before the database is made with it; of two processes the one whose link comes first wins.
function keepPassword(dataDir: string): string {
  const file = path.join(dataDir, 'postgres.password');
  try {
    mkdirSync(dataDir, { recursive: true });
    if (!existsSync(file)) {
      const draft = `${file}.${randomBytes(8).toString('hex')}`;
      writeFileSync(draft, randomBytes(24).toString('hex'), { mode: 0o600, flag: 'wx' });
      try {
        linkSync(draft, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        rmSync(draft, { force: true });
      }
    }
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(`${file} cannot be used (${code}): start as its owner, or set UTALK_DATA_DIR or DATABASE_URL.`);
  }
}
