// A Redis for a cluster under measurement, without persistence, and what it has used so far.

import { RedisServer } from '../../test/support/redis-server.ts';

export interface RedisUsage {
  /** CPU time in ms, of all its threads. */
  cpuMs: number;
  /** Bytes that came in and went out over its connections. */
  bytesIn: number;
  bytesOut: number;
}

export interface RedisSystem {
  url: string;
  usage(): Promise<RedisUsage>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<RedisSystem> {
  const server = await RedisServer.start();
  return {
    url: server.url,
    async usage() {
      const info = `${await server.command('INFO', 'cpu')}${await server.command('INFO', 'stats')}`;
      const figure = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
      return {
        cpuMs: (figure('used_cpu_sys') + figure('used_cpu_user')) * 1_000,
        bytesIn: figure('total_net_input_bytes'),
        bytesOut: figure('total_net_output_bytes'),
      };
    },
    stop: () => server.stop(),
  };
}
