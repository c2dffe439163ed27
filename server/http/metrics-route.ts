// GET /metrics for Prometheus. The figures tell strangers how the node is doing, so the route asks who is there.

import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config.ts';
import type { Exposition } from '../metrics.ts';
import { operationalAccess } from './operational-access.ts';

export interface MetricsSource {
  settings: Settings;
  metrics(): Promise<Exposition>;
  verifyToken(token: string): Promise<{ role: string } | undefined>;
}

/** Open to operators only; see operational-access.ts. */
export function addMetricsRoute(server: FastifyInstance, source: MetricsSource): void {
  server.get('/metrics', { onRequest: operationalAccess(source) }, async (_request, reply) => {
    const { contentType, body } = await source.metrics();
    return reply.type(contentType).header('cache-control', 'no-store').send(body);
  });
}
