// Starts the real server as its command line does, with everything on that a production node has on; only the rate profile
// is `bench`, since load of this kind is what the other profiles refuse.

import { fileURLToPath } from 'node:url';
import { type System, startSystem } from './system.ts';

const program = fileURLToPath(new URL('../../server/cli/main.ts', import.meta.url));

export interface UtalkPlan {
  databaseUrl: string;
  jwtSecret: string;
  dataDir: string;
  /** Of a cluster; one node alone when absent. */
  redisUrl?: string;
  /** Directory for a CPU profile of the whole run. */
  profileDir?: string;
}

export function startUtalk(plan: UtalkPlan): Promise<System> {
  const profiling = plan.profileDir ? ['--cpu-prof', `--cpu-prof-dir=${plan.profileDir}`, '--cpu-prof-interval=500'] : [];
  return startSystem({
    name: 'utalk',
    arguments: [...profiling, program, 'serve'],
    environment: {
      HOST: '127.0.0.1',
      PORT: '0',
      HTTP_PORT: '0',
      DATABASE_URL: plan.databaseUrl,
      JWT_SECRET: plan.jwtSecret,
      UTALK_DATA_DIR: plan.dataDir,
      UTALK_RATE_PROFILE: 'bench',
      UTALK_DRAIN_WINDOW_MS: '0',
      ...(plan.redisUrl === undefined ? {} : { REDIS_URL: plan.redisUrl }),
    },
    path: '/app',
  });
}
