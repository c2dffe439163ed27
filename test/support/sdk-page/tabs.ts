// The pages of the browser tests, each behind a fault proxy of its own.

import type { Browser, BrowserContext, Page } from 'playwright-core';
import { FrameProxy } from '../frame-proxy.ts';
import type { PageApp, PageWishes } from './app.ts';
import { BackgroundPage } from './background-page.ts';

type Methods = { [N in keyof PageApp]: PageApp[N] extends (...args: never[]) => unknown ? N : never }[keyof PageApp];

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

/** A page that can be hidden and frozen. */
export class BackgroundTab extends SdkTab {
  readonly page: BackgroundPage;

  private constructor(page: BackgroundPage, proxy: FrameProxy) {
    super(proxy, (expression) => page.evaluate(expression));
    this.page = page;
  }

  static async live(browser: Browser, origin: string, wishes: PageWishes): Promise<BackgroundTab> {
    const proxy = await FrameProxy.before(wishes.url);
    const tab = new BackgroundTab(await BackgroundPage.open(browser, addressOf(origin, { ...wishes, url: proxy.url })), proxy);
    await tab.ready();
    await tab.call('untilState', 'live');
    return tab;
  }

  /** @throws Error when a side broke the protocol */
  async close(): Promise<void> {
    await this.page.close();
    await this.proxy.close();
    assertNone(this.proxy.violations);
  }
}

/** One browser profile: its pages share their stores, and are the same user. */
export class SdkProfile {
  readonly context: BrowserContext;
  readonly #origin: string;
  readonly #wishes: PageWishes;
  readonly #proxies: FrameProxy[] = [];
  readonly #exceptions: string[] = [];

  /** @param wishes whose `url` is the server's own; every page gets a proxy before it */
  constructor(context: BrowserContext, origin: string, wishes: PageWishes) {
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
    await page.goto(addressOf(this.#origin, { ...this.#wishes, url: proxy.url }));
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
    assertNone([...this.#exceptions, ...this.#proxies.flatMap((proxy) => proxy.violations)]);
  }
}

function assertNone(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.join('; '));
}

const addressOf = (origin: string, wishes: PageWishes) => `${origin}/#${encodeURIComponent(JSON.stringify(wishes))}`;
