// Components on a page of text, beside a memory server: whatever React does, it does within the steps of the virtual clock.

import { act, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { type Client, createClient } from '../../../../client-sdk/index.ts';
import { MemoryServer } from '../../../../client-sdk/testing/index.ts';
import { TextContainer } from '../../../support/react-root.ts';

const pages = new Set<Page>();
const clients = new Set<Client>();

export class Page {
  readonly server: MemoryServer;
  readonly #container = new TextContainer();
  readonly #root = createRoot(this.#container as unknown as HTMLElement);

  constructor(server = new MemoryServer()) {
    this.server = server;
    pages.add(this);
  }

  /** What is on the page. */
  get text(): string {
    return this.#container.textContent;
  }

  /** A client of the application, closed at the end of the test. */
  client(userId: string): Client {
    const client = createClient(this.server.options(userId));
    clients.add(client);
    return client;
  }

  async show(node: ReactNode): Promise<void> {
    await act(async () => this.#root.render(node));
  }

  /** Does something, and lets time pass until it has come everywhere. */
  async do(work: () => unknown = () => {}): Promise<void> {
    await act(async () => {
      work();
      await this.server.clock.advance(2_000);
    });
  }

  async unmount(): Promise<void> {
    pages.delete(this);
    await act(async () => this.#root.unmount());
    await this.do();
  }
}

/** To be called at the top of a test file. React complains on the console; a complaint fails the test. */
export function prepareReact(): void {
  const complaints = vi.spyOn(console, 'error');
  beforeAll(() => {
    // What React asks of a browser before it looks for an event that it could be working for.
    vi.stubGlobal('window', { HTMLIFrameElement: class {}, document: { activeElement: null } });
    vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  });
  afterEach(async () => {
    for (const page of pages) await page.unmount();
    for (const client of clients) client.close();
    clients.clear();
    expect(complaints.mock.calls).toEqual([]);
  });
  // The files of a worker share their globals.
  afterAll(() => {
    vi.unstubAllGlobals();
    complaints.mockRestore();
  });
}
