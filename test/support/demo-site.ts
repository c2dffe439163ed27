// The real server in development mode and its demo page in a real browser, with the questions that tests ask of a side.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { createClient } from '../../client-sdk/index.ts';
import { type App, createApp } from '../../server/app.ts';
import { defineSettings } from '../../server/config.ts';
import { createLog } from '../../server/log.ts';
import { desktop, launchBrowser, openPage, type WatchedPage } from './browser.ts';

export const patient = { timeout: 15_000 };

/** Server, data directory and browser of one test file. */
export class DemoSite {
  readonly #dataDir: string;
  readonly #app: App;
  readonly #browser: Browser;
  readonly #ports: { port: number; httpPort: number };
  #contexts: BrowserContext[] = [];

  private constructor(dataDir: string, app: App, browser: Browser, ports: { port: number; httpPort: number }) {
    this.#dataDir = dataDir;
    this.#app = app;
    this.#browser = browser;
    this.#ports = ports;
  }

  static async start(): Promise<DemoSite> {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'utalk-browser-'));
    // As root the database runs as another user, who must be able to enter.
    chmodSync(dataDir, 0o755);
    // Raw texts, so that the page alone is what keeps them from becoming elements.
    const settings = defineSettings({ port: 0, httpPort: 0, dataDir, rateProfile: 'bench', textPolicy: 'raw', drainWindowMs: 0 });
    const app = await createApp(settings, createLog('silent'));
    const ports = await app.listen();
    return new DemoSite(dataDir, app, await launchBrowser(), ports);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#app.close();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  async open(where = '/', options: BrowserContextOptions = { viewport: desktop }): Promise<WatchedPage> {
    const context = await this.#browser.newContext(options);
    this.#contexts.push(context);
    return openPage(context, `${this.#origin}${where}`);
  }

  async closePages(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
  }

  /** Messages in the demo conversation, sent without a browser. */
  async send(user: string, messages: readonly string[]): Promise<void> {
    const { token } = (await (await fetch(`${this.#origin}/demo/token?user=${user}`)).json()) as { token: string };
    const client = createClient({ url: `ws://localhost:${this.#ports.port}`, auth: token });
    await client.connect();
    const conversation = client.conversation('demo');
    await Promise.all(messages.map((message) => conversation.send(message).acked));
    client.close();
  }

  get #origin(): string {
    return `http://localhost:${this.#ports.httpPort}`;
  }
}

export const half = (page: Page, user: string): Locator => page.locator(`[data-user="${user}"]`);
export const input = (page: Page, user: string): Locator => half(page, user).locator('textarea');
export const state = (page: Page, user: string): Promise<string> => half(page, user).locator('.state .words').innerText();
export const unread = (page: Page, user: string): Locator => half(page, user).locator('.unread');
export const texts = (page: Page, user: string): Promise<string[]> => half(page, user).locator('.entry .text').allInnerTexts();

export async function live(page: Page, ...users: string[]): Promise<void> {
  for (const user of users) await expect.poll(() => state(page, user), patient).toBe('Live');
}

export async function write(page: Page, user: string, ...messages: string[]): Promise<void> {
  for (const message of messages) {
    await input(page, user).fill(message);
    await input(page, user).press('Enter');
  }
}

/** The newest texts of a side, as many as are expected. */
export async function expectNewest(page: Page, user: string, expected: string[]): Promise<void> {
  await expect.poll(async () => (await texts(page, user)).slice(-expected.length), patient).toEqual(expected);
}

/** The marks of the newest own messages, as a screen reader says them. */
export async function expectMarks(page: Page, user: string, expected: string[]): Promise<void> {
  const marks = half(page, user).locator('.entry[data-side="mine"] .mark');
  const labels = async () => (await marks.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')))).slice(-expected.length);
  await expect.poll(labels, patient).toEqual(expected);
}
