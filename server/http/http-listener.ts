// The HTTP side of a node: probes, metrics, the SDK as a module, and in development the demo page.
// Invariant: every request is answered, within a bounded time, and every error is JSON { code, message }.

import type { Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Settings } from '../config.ts';
import { StartError } from '../errors.ts';
import type { Figures, Health } from '../health.ts';
import type { Log } from '../log.ts';
import type { Exposition } from '../metrics.ts';
import { addClientRoutes } from './client-routes.ts';
import { addDemoRoutes, type Demo } from './demo-routes.ts';
import { addHealthRoutes } from './health-routes.ts';
import { addMetricsRoute } from './metrics-route.ts';
import { addResponseHeaders } from './response-headers.ts';
import { errorBody, statusError } from './status-errors.ts';

export interface HttpDependencies {
  settings: Settings;
  log: Log;
  health(): Health;
  figures(): Figures;
  metrics(): Promise<Exposition>;
  /** Resolves to undefined for a token that is not valid. Only operational routes ask. */
  verifyToken(token: string): Promise<{ role: string } | undefined>;
  /** Present in development mode or with UTALK_DEMO=1 only. */
  demo?: Demo;
  /** Port of the WebSocket edge; asked per request, because it is known only after it listens. */
  wsPort(): number;
}

export interface HttpListener {
  /** Opens the port and resolves to its number. Throws StartError when it cannot be opened. */
  listen(): Promise<number>;
  /** Stops accepting, lets running requests end, cuts what is left after two seconds. */
  close(): Promise<void>;
}

const requestTimeoutMs = 10_000;
const keepAliveTimeoutMs = 65_000;
const closeGraceMs = 2_000;
const maxBodyBytes = 65_536;

/** Builds the listener with all its routes; nothing is open before `listen`. */
export async function createHttpListener(deps: HttpDependencies): Promise<HttpListener> {
  const { settings, log } = deps;
  const server = Fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    handlerTimeout: settings.handlerTimeoutMs,
    frameworkErrors: (error, _request, reply) => answerError(deps, error, reply),
    clientErrorHandler: refuseMalformed,
  });
  addResponseHeaders(server, settings);
  server.setErrorHandler((error: FastifyError, request, reply) => answerError(deps, error, reply, request));
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ code: 'NOT_FOUND', message: 'Nothing is served at this address.' }),
  );
  addHealthRoutes(server, deps);
  addMetricsRoute(server, deps);
  addClientRoutes(server, settings);
  if (deps.demo && (settings.development || settings.demo)) addDemoRoutes(server, deps.demo, deps.wsPort);
  await server.ready();

  return {
    async listen() {
      try {
        await server.listen({ host: settings.host, port: settings.httpPort });
      } catch (error) {
        throw portError(error as NodeJS.ErrnoException, settings);
      }
      const address = server.server.address();
      const port = typeof address === 'object' && address ? address.port : settings.httpPort;
      log.info({ host: settings.host, port }, 'HTTP listens');
      return port;
    },
    async close() {
      const cut = setTimeout(() => server.server.closeAllConnections(), closeGraceMs);
      await server.close();
      clearTimeout(cut);
    },
  };
}

function answerError(deps: HttpDependencies, error: FastifyError, reply: FastifyReply, request?: FastifyRequest): FastifyReply {
  const { status, body } = errorBody(error);
  if (status >= 500) deps.log.error({ err: error, url: request?.url, method: request?.method }, 'HTTP request failed');
  return reply.code(status).send(body);
}

/** Bytes that are not HTTP never become a request; the parser's socket is all there is to answer on. */
function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, reason, body } = statusError(error.code);
  const json = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(json)}\r\nConnection: close\r\n\r\n${json}`,
  );
}

function portError(error: NodeJS.ErrnoException, settings: Settings): Error {
  if (error.code === 'EADDRINUSE') {
    return new StartError(`HTTP port ${settings.httpPort} is in use; stop what listens there, or set HTTP_PORT to another port.`);
  }
  if (error.code === 'EACCES') return new StartError(`HTTP port ${settings.httpPort} needs privileges; set HTTP_PORT to 1024 or more.`);
  if (error.code === 'EADDRNOTAVAIL') return new StartError(`HOST ${settings.host} is not an address of this machine.`);
  return error;
}
