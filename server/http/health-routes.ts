// Probes. `live` answers as long as the event loop turns; `ready` tells a load balancer whether to send clients here.

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Health } from '../health.ts';

/** GET /health/live, /health/ready and its alias /health, which adds `memory` in bytes. */
export function addHealthRoutes(server: FastifyInstance, health: () => Health): void {
  const answer = (reply: FastifyReply, more: object = {}) => {
    const now = health();
    return reply
      .code(now.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ ...now, ...more });
  };

  server.get('/health/live', (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'ok', uptimeS: health().uptimeS }),
  );
  server.get('/health/ready', (_request, reply) => answer(reply));
  server.get('/health', (_request, reply) => answer(reply, { memory: memoryBytes() }));
}

function memoryBytes(): Record<string, number> {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { rss, heapTotal, heapUsed, external, arrayBuffers };
}
