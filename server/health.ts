// What the node says of itself to probes and people. It holds words and numbers only: nothing secret, it is open to all.

export interface Health {
  /** `degraded` still serves (Redis down); `starting`, `draining` and `down` take no new work. */
  status: 'ok' | 'degraded' | 'starting' | 'draining' | 'down';
  /** Whether a load balancer may send clients here. */
  ready: boolean;
  /** State of each part by name, in words: `store: ok`, `redis: down for 12 s`, `workers: 4 of 4 ready`. */
  checks: Record<string, string>;
  /** Seconds since the start of the process. */
  uptimeS: number;
  /** ms since 1970. */
  startedAt: number;
}

/** Who is here, as far as the answering process knows. */
export interface Figures {
  /** Open WebSocket connections. */
  connections: number;
  /** Users with a session; one with sessions in several processes counts in each. */
  users: number;
  /** Conversations that somebody has joined; counted in each process. */
  rooms: number;
  /** Link to Redis; absent without REDIS_URL. */
  redis?: 'up' | 'suspect' | 'down';
}

/** Figures of several processes as one. */
export function sumFigures(own: Figures, others: readonly Figures[]): Figures {
  const sum = { ...own };
  for (const { connections, users, rooms } of others) {
    sum.connections += connections;
    sum.users += users;
    sum.rooms += rooms;
  }
  return sum;
}
