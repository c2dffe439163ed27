// Probes. `live` answers as long as the event loop turns; `ready` tells a load balancer whether to send clients here. The two
// about sockets say the same in the shapes of the systems this one follows, with the status code of `ready`.

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Figures, Health } from '../health.ts';

export interface HealthSource {
  health(): Health;
  figures(): Figures;
}

/** GET /health/live, /health/ready, its alias /health with `memory` in bytes, /health/socket and /api/ws/health. */
export function addHealthRoutes(server: FastifyInstance, { health, figures }: HealthSource): void {
  const answer = (reply: FastifyReply, body: (now: Health) => object) => {
    const now = health();
    return reply
      .code(now.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(body(now));
  };

  server.get('/health/live', (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'ok', uptimeS: health().uptimeS }),
  );
  server.get('/health/ready', (_request, reply) => answer(reply, (now) => now));
  server.get('/health', (_request, reply) => answer(reply, (now) => ({ ...now, memory: memoryBytes() })));
  server.get('/health/socket', (_request, reply) => answer(reply, (now) => socketHealth(now, figures())));
  server.get('/api/ws/health', (_request, reply) => answer(reply, (now) => serviceHealth(now, figures())));
}

function memoryBytes(): Record<string, number> {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { rss, heapTotal, heapUsed, external, arrayBuffers };
}

/** Uptime in seconds. */
function socketHealth(now: Health, { connections, rooms, redis }: Figures): object {
  return {
    status: now.status === 'ok' ? 'healthy' : now.ready ? 'degraded' : 'unhealthy',
    timestamp: new Date().toISOString(),
    metrics: { activeConnections: connections, activeRooms: rooms, uptime: now.uptimeS },
    redis: { connected: redis === 'up' || redis === 'suspect', status: redis ?? 'not configured' },
  };
}

/** Uptime in milliseconds. */
function serviceHealth(now: Health, { users, rooms }: Figures): object {
  return {
    healthy: now.ready,
    connectedUsers: users,
    rooms,
    uptime: Date.now() - now.startedAt,
    timestamp: new Date().toISOString(),
  };
}
