// What the node says of itself to probes and people. It holds words and numbers only: nothing secret, it is open to all.

export interface Health {
  /** `degraded` still serves (Redis down); `starting`, `draining` and `down` take no new work. */
  status: 'ok' | 'degraded' | 'starting' | 'draining' | 'down';
  /** Whether a load balancer may send clients here. */
  ready: boolean;
  /** State of each part by name, in words: `database: ok`, `redis: down since 12 s`. */
  checks: Record<string, string>;
  /** Seconds since the start of the process. */
  uptimeS: number;
  /** ms since 1970. */
  startedAt: number;
}
