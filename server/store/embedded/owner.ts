// The user that PostgreSQL runs as. It refuses to run as root, so root hands it to `nobody`, or to whoever owns the data.

import { execFile } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../../errors.ts';

/** A foreign user; undefined stands for the user of this process. */
export interface Owner {
  uid: number;
  gid: number;
}

/** True when this process must run PostgreSQL as somebody else. */
export const isRoot = (): boolean => process.getuid?.() === 0;

/** The user `nobody` of this machine. */
export async function nobody(): Promise<Owner> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => (await promisify(execFile)('id', [flag, 'nobody'])).stdout));
    return { uid: Number(uid), gid: Number(gid) };
  } catch {
    throw new StartError('PostgreSQL does not run as root and there is no user `nobody`: start as another user, or set DATABASE_URL.');
  }
}

/** Whether `owner` may enter `directory` and all directories above it. Access lists beyond the mode bits are not seen. */
export function reaches(owner: Owner, directory: string): boolean {
  for (let at = realpathSync(directory); ; at = path.dirname(at)) {
    const { uid, gid, mode } = statSync(at);
    const bit = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}
