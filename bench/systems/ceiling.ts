// Starts the ceiling server; see ceiling-server.ts for what it leaves out.

import { fileURLToPath } from 'node:url';
import { type System, startSystem } from './system.ts';

const program = fileURLToPath(new URL('../ceiling-server.ts', import.meta.url));

export function startCeiling(mode: 'store' | 'raw', databaseUrl: string): Promise<System> {
  return startSystem({ name: 'ceiling', arguments: [program, mode], environment: { DATABASE_URL: databaseUrl }, path: '/' });
}
