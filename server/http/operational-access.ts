// Who may see operational routes: somebody on this machine, a bearer of METRICS_TOKEN, or a token of role admin or
// service. A proxy on this machine makes strangers look local, and so does a page whose name was rebound to 127.0.0.1:
// being local therefore also needs a local Host and no trace of forwarding.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Settings } from '../config.ts';
import { isLocalRequest } from './local-host.ts';

export interface AccessSource {
  settings: Settings;
  verifyToken(token: string): Promise<{ role: string } | undefined>;
}

const operators: ReadonlySet<string> = new Set(['admin', 'service']);

/** An onRequest hook that answers 401 or 403 for everybody else. */
export function operationalAccess({ settings, verifyToken }: AccessSource) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (isLocalRequest(request)) return undefined;
    const token = bearer(request);
    if (token === undefined) return unknown(reply, 'Send Authorization: Bearer with METRICS_TOKEN or a token of role admin or service.');
    if (settings.metricsToken !== undefined && sameSecret(token, settings.metricsToken)) return undefined;
    const identity = await verifyToken(token);
    if (!identity) return unknown(reply, 'The token is not valid.');
    if (operators.has(identity.role)) return undefined;
    return reply.code(403).send({ code: 'ACCESS_DENIED', message: 'Only the roles admin and service may read this.' });
  };
}

function bearer(request: FastifyRequest): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** Hashed first: timingSafeEqual needs equal lengths, and the length of the secret is nobody's business. */
function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function unknown(reply: FastifyReply, message: string): FastifyReply {
  return reply.code(401).header('www-authenticate', 'Bearer').send({ code: 'NOT_AUTHENTICATED', message });
}
