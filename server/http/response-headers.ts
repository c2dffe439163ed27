// Headers on every answer: nothing is framed, sniffed or run as a page unless its route says so, and only listed
// origins may read across origins.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Settings } from '../config.ts';

const securityHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

const preflightHeaders = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT',
  'access-control-allow-headers': 'authorization, content-type, idempotency-key',
  'access-control-max-age': '600',
} as const;

/** Routes under this prefix hand out tokens or the page: same origin only, whatever the list says. */
const sameOriginPrefix = '/demo/';

/** Sets the security headers and answers CORS, preflights included, from `allowedOrigins`. */
export function addResponseHeaders(server: FastifyInstance, settings: Settings): void {
  const origins = new Set(settings.allowedOrigins);

  server.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    reply.header('vary', 'origin');
    const origin = request.headers.origin;
    if (origin !== undefined && origins.has(origin) && !request.url.startsWith(sameOriginPrefix)) {
      reply.header('access-control-allow-origin', origin);
      reply.header('cross-origin-resource-policy', 'cross-origin');
      if (isPreflight(request)) return reply.headers(preflightHeaders).code(204).send();
    }
    return undefined;
  });
}

function isPreflight(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}
