// The real server in development mode and its demo page in a real browser, with the questions that tests ask of a panel.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { type Client, createClient, type Entry } from '../../client-sdk/index.ts';
import { createApp } from '../../server/app.ts';
import { defineSettings } from '../../server/config.ts';
import { createLog } from '../../server/log.ts';
import { desktop, launchBrowser, openPage, type WatchedPage } from './browser.ts';
import { isUp } from './commands.ts';
import { freePort, startUtalk, temporaryDataDir } from './processes.ts';

export const patient = { timeout: 30_000 };

export const people = ['ana', 'eva', 'luis'] as const;
export const everybody = [...people, 'bot'] as const;

interface Served {
  port: number;
  httpPort: number;
  /** How long the server was away after each kill. */
  awayMs(): number[];
  close(): Promise<void>;
}

/** A server, its data directory and a browser. */
export class DemoSite {
  readonly #served: Served;
  readonly #browser: Browser;
  #contexts: BrowserContext[] = [];

  private constructor(served: Served, browser: Browser) {
    this.#served = served;
    this.#browser = browser;
  }

  /** The server runs in this process, where nothing could start it again. */
  static async start(): Promise<DemoSite> {
    return new DemoSite(await serveHere(), await launchBrowser());
  }

  /** The server runs as script/server runs it, so that it can be killed. */
  static async startKillable(): Promise<DemoSite> {
    return new DemoSite(await serveGuarded(), await launchBrowser());
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#served.close();
  }

  /** `prepare` is called before the page is loaded. */
  async open(
    where = '/',
    options: BrowserContextOptions = { viewport: desktop },
    prepare: (context: BrowserContext) => Promise<void> = async () => {},
  ): Promise<WatchedPage> {
    const context = await this.#browser.newContext(options);
    this.#contexts.push(context);
    await prepare(context);
    return openPage(context, `${this.#origin}${where}`);
  }

  async closePages(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
  }

  /** How long the server was away after each kill. */
  get awayMs(): number[] {
    return this.#served.awayMs();
  }

  /** Messages in the demo conversation, sent without a browser. */
  async send(user: string, messages: readonly string[]): Promise<void> {
    const client = await this.#connect(user);
    const conversation = client.conversation('demo');
    await Promise.all(messages.map((message) => conversation.send(message).acked));
    client.close();
  }

  /** The log as the server has it, from the first entry to the newest. */
  async log(): Promise<Entry[]> {
    const client = await this.#connect('luis');
    const conversation = client.conversation('demo');
    const entries: Entry[] = [];
    for (let more = true; more; ) {
      const page = await conversation.history({ afterSeq: entries.length, limit: 100 });
      entries.push(...page.entries);
      more = page.more;
    }
    client.close();
    return entries;
  }

  async #connect(user: string): Promise<Client> {
    const { token } = (await (await fetch(`${this.#origin}/demo/token?user=${user}`)).json()) as { token: string };
    const client = createClient({ url: `ws://localhost:${this.#served.port}`, auth: token });
    await client.connect();
    return client;
  }

  get #origin(): string {
    return `http://localhost:${this.#served.httpPort}`;
  }
}

async function serveHere(): Promise<Served> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'utalk-browser-'));
  // As root the database runs as another user, who must be able to enter.
  chmodSync(dataDir, 0o755);
  // Raw texts, so that the page alone is what keeps them from becoming elements.
  const settings = defineSettings({ port: 0, httpPort: 0, dataDir, rateProfile: 'bench', textPolicy: 'raw', drainWindowMs: 0 });
  const app = await createApp(settings, createLog('silent'));
  const close = async () => {
    await app.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { ...(await app.listen()), awayMs: () => [], close };
}

async function serveGuarded(): Promise<Served> {
  const data = temporaryDataDir();
  const [port, httpPort] = [await freePort(), await freePort()];
  const server = startUtalk(['serve', '--respawn'], {
    PORT: String(port),
    HTTP_PORT: String(httpPort),
    UTALK_DATA_DIR: data.directory,
    UTALK_RATE_PROFILE: 'bench',
    UTALK_DRAIN_WINDOW_MS: '0',
    LOG_LEVEL: 'warn',
  });
  await server.line(isUp);
  const awayMs = () => [...server.errors().matchAll(/back after (\d+) ms/g)].map(([, ms]) => Number(ms));
  const close = async () => {
    server.process.kill('SIGTERM');
    await server.ended;
    await data.remove();
  };
  return { port, httpPort, awayMs, close };
}

export const panel = (page: Page, user: string): Locator => page.locator(`.panel[data-user="${user}"]`);
export const input = (page: Page, user: string): Locator => panel(page, user).locator('textarea');
export const fault = (page: Page, user: string, name: string): Locator => panel(page, user).locator(`[data-fault="${name}"]`);
export const state = (page: Page, user: string): Promise<string> => panel(page, user).locator('.state .words').innerText();
export const reason = (page: Page, user: string): Promise<string> => panel(page, user).locator('.reason').innerText();
export const queue = (page: Page, user: string): Promise<string> => panel(page, user).locator('.queue').innerText();
export const unread = (page: Page, user: string): Locator => panel(page, user).locator('.unread');
export const verdict = (page: Page): Promise<string> => page.locator('#line .verdict').innerText();

/** What the line says as long as the SDK keeps its word. */
export const allWell = 'lost 0 · doubled 0 · out of order 0';

/** What people have written, as a panel shows it; the bot answers whenever it likes, so its answers are left out. */
export function texts(page: Page, user: string): Promise<string[]> {
  return panel(page, user)
    .locator('.entry')
    .evaluateAll((rows) =>
      rows
        .filter((row) => row.querySelector('.sender')?.textContent !== 'Bot')
        .map((row) => row.querySelector<HTMLElement>('.text')?.innerText ?? ''),
    );
}

export async function live(page: Page, ...users: string[]): Promise<void> {
  for (const user of users) await expect.poll(() => state(page, user), patient).toBe('Live');
}

export async function write(page: Page, user: string, ...messages: string[]): Promise<void> {
  for (const message of messages) {
    await input(page, user).fill(message);
    await input(page, user).press('Enter');
  }
}

/** The newest texts of people in a panel, as many as are expected. */
export async function expectNewest(page: Page, user: string, expected: string[]): Promise<void> {
  await expect.poll(async () => (await texts(page, user)).slice(-expected.length), patient).toEqual(expected);
}

/** The marks of the newest own messages, as a screen reader says them. */
export async function expectMarks(page: Page, user: string, expected: string[]): Promise<void> {
  const marks = panel(page, user).locator('.entry[data-side="mine"] .mark');
  const labels = async () => (await marks.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')))).slice(-expected.length);
  await expect.poll(labels, patient).toEqual(expected);
}

/** Whether a button that lasts is pressed. */
export async function expectPressed(button: Locator, pressed: boolean): Promise<void> {
  await expect.poll(() => button.getAttribute('aria-pressed'), patient).toBe(String(pressed));
}

/** Chooses the newest frame of this name and fate in the inspector, by keyboard. Throws when there is none. */
export async function openFrame(page: Page, name: string, fate?: string): Promise<Locator> {
  const chosen = page.locator('.frame[aria-selected="true"]');
  await page.locator('.frame').first().waitFor();
  await page.locator('.frames').focus();
  for (let place = Number.POSITIVE_INFINITY; place > 1; ) {
    await page.keyboard.press('ArrowUp');
    const fits = (await chosen.locator('.name').innerText()) === name;
    if (fits && (fate === undefined || (await chosen.locator('.fate').innerText()) === fate)) return chosen;
    place = Number(await chosen.getAttribute('aria-posinset'));
  }
  throw new Error(`no frame ${name} ${fate ?? ''}`);
}
