// What the store takes for granted of a PostgreSQL server, checked before anything is written.

import type postgres from 'postgres';
import { StartError } from '../errors.ts';

const oldestVersion = 150_000;

interface Facts {
  version: number;
  version_text: string;
  isolation: string;
  commit: string;
  encoding: string;
  standby: boolean;
}

/**
 * @throws StartError for a version below 15, an isolation other than read committed (a locking call would fail instead of
 * wait), commits that do not wait for the disk, an encoding other than UTF8, or a standby.
 */
export async function checkServer(sql: postgres.Sql): Promise<void> {
  const [facts] = await sql<Facts[]>`
    select current_setting('server_version_num')::int as version, current_setting('server_version') as version_text,
      current_setting('default_transaction_isolation') as isolation, current_setting('synchronous_commit') as commit,
      current_setting('server_encoding') as encoding,
      pg_is_in_recovery() as standby`.catch((error: Error) => {
    throw new StartError(`PostgreSQL cannot be reached: ${error.message}. Check DATABASE_URL.`);
  });
  const { version, version_text, isolation, commit, encoding, standby } = facts!;
  if (version < oldestVersion) throw new StartError(`PostgreSQL 15 or newer is needed, this is ${version_text}.`);
  if (isolation !== 'read committed') {
    throw new StartError(
      `default_transaction_isolation is "${isolation}" for this role or database; it must be "read committed": ALTER ROLE … SET default_transaction_isolation = 'read committed'.`,
    );
  }
  if (commit === 'off') {
    throw new StartError(
      'synchronous_commit is "off" for this role or database: a crash would lose messages that were acknowledged. ALTER ROLE … SET synchronous_commit = on.',
    );
  }
  if (encoding !== 'UTF8') throw new StartError(`The database has encoding ${encoding}; it must be UTF8.`);
  if (standby) throw new StartError('PostgreSQL is a read-only standby: DATABASE_URL must name the primary.');
}
