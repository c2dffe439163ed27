// The PostgreSQL that the server brings along: real binaries, a life cycle of its own. It survives a kill of the server and is
// adopted by the next one; two servers on one data directory are refused.

import type { Logger } from 'pino';
import { StartError } from '../errors.ts';
import { findBinaries, reachableBinaries } from './embedded/binaries.ts';
import { createCluster, databaseName, databaseUser, freePort, runningPort, startCluster, stopCluster } from './embedded/cluster.ts';
import { Guard } from './embedded/guard.ts';
import { fallbackRoot, findPlace, type Place } from './embedded/place.ts';

const startAttempts = 5;
const attemptMs = 200;

export interface EmbeddedPostgres {
  /** Of the database, with its password; never to be logged. */
  url: string;
  /** It was running already: a server before this one was killed. */
  adopted: boolean;
  /** Ends all its sessions and stops it. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL on `<dataDir>/postgres`, or adopts the one that runs there, and keeps it running until `stop`.
 * @throws StartError when there are no binaries, the directory cannot be used, or another server uses it.
 */
export async function startEmbeddedPostgres({ dataDir, log }: { dataDir: string; log: Logger }): Promise<EmbeddedPostgres> {
  const found = await findBinaries();
  const place = await findPlace(dataDir);
  const { bin, copied } = reachableBinaries(found, place.owner, fallbackRoot);
  if (place.moved)
    log.info({ directory: place.directory }, 'PostgreSQL cannot reach the data directory as its own user; its files are here');
  if (copied) log.info({ directory: bin }, 'copied the programs of PostgreSQL to where its own user reaches them');
  await createCluster(bin, place);
  const running = await runningPort(bin, place);
  const port = running ?? (await startAnywhere(bin, place));
  const url = urlOf(place, port);
  const guard = await Guard.hold(url, log, () => revive(bin, place, port));
  return {
    url,
    adopted: running !== undefined,
    async stop() {
      await guard.release();
      await stopCluster(bin, place);
    },
  };
}

function urlOf(place: Place, port: number): string {
  return `postgres://${databaseUser}:${place.password}@127.0.0.1:${port}/${databaseName}`;
}

// A free port may be taken before PostgreSQL has it; children of a killed postmaster keep its memory for a moment; another
// process may be starting the same place, then its port is the answer.
async function startAnywhere(bin: string, place: Place): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await startCluster(bin, place, port);
      return port;
    } catch (error) {
      const other = await runningPort(bin, place);
      if (other !== undefined) return other;
      if (attempt === startAttempts || !(error instanceof StartError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, attemptMs));
    }
  }
}

async function revive(bin: string, place: Place, port: number): Promise<void> {
  if ((await runningPort(bin, place)) === undefined) await startCluster(bin, place, port);
}
