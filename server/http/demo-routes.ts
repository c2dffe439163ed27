// The demo page and its tokens. Whoever gets a token is that person, so tokens are only given to pages that were opened
// under a name of this machine, and never across origins. That is a rule for browsers: a program can claim any name, so who
// opens a demo to a network opens it to everybody there. Only the kill is for this machine alone.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AssetName, loadAssets } from './bundle.ts';
import { sendAsset } from './client-routes.ts';
import { isLocalHost, isLocalRequest } from './local-host.ts';

export interface DemoUser {
  id: string;
  name: string;
  role: 'customer' | 'agent' | 'bot';
}

export interface Demo {
  conversationId: string;
  users: DemoUser[];
  token(userId: string): Promise<string>;
  /** Ends the server as a crash would; there where somebody starts it again. Asked at each request. */
  kill?: (() => void) | undefined;
}

const pageAssets = {
  '/': 'index.html',
  '/demo/demo.js': 'demo.js',
  '/demo/demo.css': 'demo.css',
  '/demo/icon.svg': 'icon.svg',
} as const satisfies Record<string, AssetName>;

/** GET /, its assets, /demo/config and /demo/token?user=; POST /demo/kill. */
export function addDemoRoutes(server: FastifyInstance, demo: Demo, wsPort: () => number): void {
  for (const [path, name] of Object.entries(pageAssets)) {
    server.get(path, async (request, reply) => {
      const assets = await loadAssets();
      if (name === 'index.html') reply.header('content-security-policy', pagePolicy(wsPort()));
      return sendAsset(request, reply.header('cache-control', 'no-cache'), assets.get(name)!);
    });
  }

  server.get('/demo/config', { onRequest: localOnly }, (_request, reply) =>
    reply.header('cache-control', 'no-store').send({
      conversationId: demo.conversationId,
      users: demo.users,
      wsPort: wsPort(),
      canKill: demo.kill !== undefined,
    }),
  );

  server.get<{ Querystring: { user?: string | string[] } }>('/demo/token', { onRequest: localOnly }, async (request, reply) => {
    const user = demo.users.find(({ id }) => id === request.query.user);
    if (!user) {
      const names = demo.users.map(({ id }) => id).join(', ');
      return reply.code(400).send({ code: 'INVALID_BODY', message: `user must be one of: ${names}` });
    }
    return reply.header('cache-control', 'no-store').send({ token: await demo.token(user.id) });
  });

  server.post('/demo/kill', { onRequest: [thisMachineOnly, samePageOnly] }, (_request, reply) => {
    const { kill } = demo;
    if (!kill) return reply.code(409).send({ code: 'UNAVAILABLE', message: 'Nobody would start this server again: use script/server.' });
    // Behind the answer: a process that is killed writes nothing any more.
    reply.raw.once('finish', kill);
    return reply.code(202).send({ killed: true });
  });
}

async function localOnly(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  if (isLocalHost(request.headers.host)) return undefined;
  return reply.code(403).send({ code: 'ACCESS_DENIED', message: 'The demo works only when the page is opened as http://localhost.' });
}

async function thisMachineOnly(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  if (isLocalRequest(request)) return undefined;
  return reply.code(403).send({ code: 'ACCESS_DENIED', message: 'Only somebody on the machine of the server may do that.' });
}

/** A page of a stranger may send requests to this machine, too; the browser tells where they come from. */
async function samePageOnly({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const site = headers['sec-fetch-site'];
  const origin = headers.origin;
  const told = site !== undefined || origin !== undefined;
  if (told && (site ?? 'same-origin') === 'same-origin' && (origin ?? `http://${headers.host}`) === `http://${headers.host}`)
    return undefined;
  return reply.code(403).send({ code: 'ACCESS_DENIED', message: 'Only the demo page of this server may do that.' });
}

/** A source in a policy cannot be an IPv6 address, so the page under [::1] shows without a connection. */
function pagePolicy(wsPort: number): string {
  const sockets = ['localhost', '127.0.0.1'].map((host) => `ws://${host}:${wsPort}`).join(' ');
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
