// The HTTP listener on a free port with small sources behind it, and requests whose Host a test may choose.

import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { defineSettings, type Settings } from '../../server/config.ts';
import type { Figures, Health } from '../../server/health.ts';
import type { Demo } from '../../server/http/demo-routes.ts';
import { createHttpListener, type HttpDependencies, type HttpListener } from '../../server/http/http-listener.ts';
import { createLog } from '../../server/log.ts';

/** A key that turns development mode off. */
export const secret = 'a secret of more than thirty-two bytes';
export const well: Health = { status: 'ok', ready: true, checks: { database: 'ok' }, uptimeS: 7, startedAt: 1_700_000_000_000 };
export const here: Figures = { connections: 12, users: 9, rooms: 4 };
export const demo: Demo = {
  conversationId: 'demo',
  users: [
    { id: 'ana', name: 'Ana', role: 'customer' },
    { id: 'luis', name: 'Luis', role: 'agent' },
  ],
  token: async (userId: string) => `token-of-${userId}`,
};

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json(): unknown;
}

export class HttpFixture {
  port = 0;
  #open: HttpListener | undefined;

  async start(settings: Partial<Settings> = {}, deps: Partial<HttpDependencies> = {}): Promise<void> {
    await this.close();
    this.#open = await createHttpListener({
      settings: defineSettings({ host: '127.0.0.1', httpPort: 0, ...settings }),
      log: createLog('silent'),
      health: () => well,
      figures: () => here,
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'utalk_connections 3\n' }),
      verifyToken: async (token) => (token.startsWith('role:') ? { role: token.slice(5) } : undefined),
      wsPort: () => 4999,
      ...deps,
    });
    this.port = await this.#open.listen();
  }

  async close(): Promise<void> {
    await this.#open?.close();
    this.#open = undefined;
  }

  /** @param host address to connect to. node:http, because fetch does not let a test choose the Host header. */
  get(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET', host = '127.0.0.1'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ host, port: this.port, path, method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) });
        });
      });
      sent.on('error', reject);
      sent.end();
    });
  }
}
