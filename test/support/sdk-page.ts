// Pages with the SDK as the server serves it, in a real browser, each behind a fault proxy of its own, over a real server.

import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launchBrowser } from './browser.ts';
import type { FrameClient } from './frame-client.ts';
import { FrameProxy } from './frame-proxy.ts';
import { startTestPostgres, type TestPostgres } from './postgres.ts';
import type { PageApp, PageWishes, Seen } from './sdk-page/app.ts';
import { PageServer } from './sdk-page/page-server.ts';
import { TestServer } from './start-server.ts';
import { signTestToken } from './tokens.ts';

const historyPage = 100;

/** One page: its application, and its way to the server. */
export class SdkTab {
  readonly proxy: FrameProxy;
  readonly #evaluate: (expression: string) => Promise<unknown>;

  /** @param evaluate runs an expression in the page, and answers what its promise gives */
  constructor(proxy: FrameProxy, evaluate: (expression: string) => Promise<unknown>) {
    this.proxy = proxy;
    this.#evaluate = evaluate;
  }

  /** Calls a method of the application in the page. */
  call<N extends Methods>(name: N, ...args: Parameters<PageApp[N]>): Promise<Awaited<ReturnType<PageApp[N]>>> {
    return this.#evaluate(`window.app[${JSON.stringify(name)}](...${JSON.stringify(args)})`) as never;
  }

  get state(): Promise<string> {
    return this.#evaluate('window.app.state') as Promise<string>;
  }

  /** Resolves when the application is there. */
  async ready(): Promise<void> {
    await this.#evaluate(`new Promise((resolve) => {
      if (window.app) resolve(); else window.addEventListener('app', () => resolve(), { once: true });
    })`);
  }
}

/** A page of Playwright, which keeps it in the foreground for ever. */
export class PageTab extends SdkTab {
  readonly page: Page;

  constructor(page: Page, proxy: FrameProxy) {
    super(proxy, (expression) => page.evaluate(expression));
    this.page = page;
  }

  /** The page again, as after F5. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  /** The process of the page dies without a word. */
  async crash(): Promise<void> {
    const devTools = await this.page.context().newCDPSession(this.page);
    const crashed = this.page.waitForEvent('crash');
    void devTools.send('Page.crash').catch(() => {});
    await crashed;
  }
}

/** A conversation of two users with pages and one without. */
export interface Talk {
  id: string;
  ana: string;
  luis: string;
  /** A client that has joined. */
  observer: FrameClient;
}

type Methods = { [N in keyof PageApp]: PageApp[N] extends (...args: never[]) => unknown ? N : never }[keyof PageApp];

/** One browser profile: its pages share their stores, and are the same user. */
export class SdkProfile {
  readonly userId: string;
  readonly context: BrowserContext;
  readonly #origin: string;
  readonly #wishes: PageWishes;
  readonly #proxies: FrameProxy[] = [];
  readonly #exceptions: string[] = [];

  /** @param wishes whose `url` is the server's own; every page gets a proxy before it */
  constructor(userId: string, context: BrowserContext, origin: string, wishes: PageWishes) {
    this.userId = userId;
    this.context = context;
    this.#origin = origin;
    this.#wishes = wishes;
  }

  /** A page that is being loaded. @param before runs in it before its application. */
  async open(before: (page: Page) => Promise<unknown> = async () => {}): Promise<PageTab> {
    const proxy = await FrameProxy.before(this.#wishes.url);
    this.#proxies.push(proxy);
    const page = await this.context.newPage();
    page.on('pageerror', ({ message }) => this.#exceptions.push(message));
    await before(page);
    await page.goto(`${this.#origin}/#${encodeURIComponent(JSON.stringify({ ...this.#wishes, url: proxy.url }))}`);
    const tab = new PageTab(page, proxy);
    await tab.ready();
    return tab;
  }

  /** A page that is live. */
  async live(before?: (page: Page) => Promise<unknown>): Promise<PageTab> {
    const tab = await this.open(before);
    await tab.call('untilState', 'live');
    return tab;
  }

  /** @throws Error when a page had an exception, or a side broke the protocol */
  async close(): Promise<void> {
    await this.context.close();
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    const faults = [...this.#exceptions, ...this.#proxies.flatMap((proxy) => proxy.violations)];
    if (faults.length > 0) throw new Error(faults.join('; '));
  }
}

export class SdkSite {
  readonly server: TestServer;
  readonly #postgres: TestPostgres;
  readonly #browser: Browser;
  readonly #pages: PageServer;
  readonly #profiles: SdkProfile[] = [];
  #talks = 0;

  private constructor(server: TestServer, postgres: TestPostgres, browser: Browser, pages: PageServer) {
    this.server = server;
    this.#postgres = postgres;
    this.#browser = browser;
    this.#pages = pages;
  }

  static async start(): Promise<SdkSite> {
    const [postgres, pages] = await Promise.all([startTestPostgres(), PageServer.start()]);
    const server = await TestServer.start(postgres, { settings: { rateProfile: 'bench', allowedOrigins: [pages.origin] } });
    await pages.build(server.httpUrl);
    return new SdkSite(server, postgres, await launchBrowser(), pages);
  }

  /** A new conversation. */
  async talk(): Promise<Talk> {
    const n = ++this.#talks;
    const [id, ana, luis] = [`talk-${n}`, `ana-${n}`, `luis-${n}`];
    const observer = await this.server.client({ userId: `observer-${n}` });
    await observer.request('conversation:create', { id, channel: 'web', members: [ana, luis] });
    await observer.request('join:conversation', { conversationId: id });
    return { id, ana, luis, observer };
  }

  /** A browser profile of this user, in this conversation. */
  async profile(userId: string, conversationId: string, store: PageWishes['store'] = 'indexedDB'): Promise<SdkProfile> {
    const wishes = { url: this.server.url, token: await signTestToken({ userId }), conversationId, store };
    const profile = new SdkProfile(userId, await this.#browser.newContext(), this.#pages.origin, wishes);
    this.#profiles.push(profile);
    return profile;
  }

  /** The log as the server gives it to another member. */
  async log({ id, observer }: Talk): Promise<Seen[]> {
    const log: Seen[] = [];
    for (let more = true; more; ) {
      const page = await observer.request('conversation:history', { conversationId: id, afterSeq: log.length, limit: historyPage });
      log.push(...page.entries.map(({ seq, id, messageId, sender, text }) => ({ seq, id, messageId, sender, text })));
      more = page.more;
    }
    return log;
  }

  async leave(): Promise<void> {
    await Promise.all(this.#profiles.splice(0).map((profile) => profile.close()));
    await this.server.closeClients();
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#pages.close();
    await this.server.close();
    await this.#postgres.stop();
  }
}

export const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);

/**
 * The server's log holds exactly these messages in this order, and the view of every tab is the log. What a tab heard is a part of it
 * without a hole; and at no moment did any view hold an item twice or out of order.
 */
export async function expectTheLog(site: SdkSite, talk: Talk, tabs: readonly SdkTab[], texts: readonly string[]): Promise<void> {
  const log = await site.log(talk);
  expect(log.flatMap(({ text }) => text ?? [])).toEqual(texts);
  for (const tab of tabs) {
    await tab.call('untilPosition', log.length);
    await tab.call('loadAll');
    expect(await tab.call('view')).toEqual(log);
    const heard = await tab.call('heard');
    const first = heard[0]?.seq ?? 1;
    expect(heard).toEqual(log.slice(first - 1, first - 1 + heard.length));
    expect(await tab.call('faults')).toEqual([]);
  }
}
