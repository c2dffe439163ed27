// GET /client.js: the SDK of exactly this server's version as one ES module, for pages without a bundler; /client-stores.js:
// the same with the stores. Beside each its types.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Settings } from '../config.ts';
import { type Asset, type AssetName, loadAssets } from './bundle.ts';

/** Cached for five minutes, then revalidated by ETag, so that SDK and server stay in step after a deploy. */
const publicCache = 'public, max-age=300, must-revalidate';

export function addClientRoutes(server: FastifyInstance, settings: Settings): void {
  const cacheControl = settings.development ? 'no-cache' : publicCache;
  const serve = (name: AssetName, headers: Record<string, string> = {}) =>
    server.get(`/${name}`, async (request, reply) => {
      const assets = await loadAssets();
      return sendAsset(request, reply.headers({ ...headers, 'cache-control': cacheControl }), assets.get(name)!);
    });
  for (const module of ['client', 'client-stores'] as const) {
    // Deno follows it.
    serve(`${module}.js`, { 'x-typescript-types': `/${module}.d.ts` });
    serve(`${module}.d.ts`);
  }
}

/** Answers 304 when the client has it, gzip when the client takes it. */
export function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  reply.header('etag', asset.etag).header('vary', 'origin, accept-encoding');
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
  reply.type(asset.contentType);
  if (/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.header('content-encoding', 'gzip').send(asset.gzip);
  return reply.send(asset.body);
}
