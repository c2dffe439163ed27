// Serves the page of the browser tests from an origin of its own: its application, and the SDK as the server hands it out.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';

const html = '<!doctype html><title>SDK</title><link rel="icon" href="data:,"><script type="module" src="/app.js"></script>';
const javascript = 'text/javascript; charset=utf-8';

export class PageServer {
  readonly #server: Server;
  readonly #files = new Map([['/', { contentType: 'text/html; charset=utf-8', body: html }]]);

  private constructor() {
    this.#server = createServer((request, response) => {
      const file = this.#files.get(request.url ?? '');
      response.writeHead(file ? 200 : 404, file && { 'content-type': file.contentType });
      response.end(file?.body);
    });
  }

  static async start(): Promise<PageServer> {
    const pages = new PageServer();
    pages.#server.listen(0, '127.0.0.1');
    await once(pages.#server, 'listening');
    return pages;
  }

  /** A secure context, so that there are Web Locks. */
  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param httpUrl of the server whose SDK the page runs on */
  async build(httpUrl: string): Promise<void> {
    const entryPoints = [new URL('./app.ts', import.meta.url).pathname];
    const { outputFiles } = await build({ entryPoints, bundle: true, write: false, format: 'esm', target: 'es2022' });
    this.#files.set('/app.js', { contentType: javascript, body: outputFiles[0]?.text as string });
    const sdk = await fetch(`${httpUrl}/client-stores.js`);
    this.#files.set('/client-stores.js', { contentType: javascript, body: await sdk.text() });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
