// Pages with the SDK as the server serves it, in a real browser, each behind a fault proxy of its own, over a real server.

import type { Browser } from 'playwright-core';
import { expect } from 'vitest';
import { launchBrowser } from './browser.ts';
import type { FrameClient } from './frame-client.ts';
import { startTestPostgres, type TestPostgres } from './postgres.ts';
import type { PageWishes, Seen } from './sdk-page/app.ts';
import { PageServer } from './sdk-page/page-server.ts';
import { BackgroundTab, SdkProfile, type SdkTab } from './sdk-page/tabs.ts';
import { TestServer } from './start-server.ts';
import { signTestToken } from './tokens.ts';

const historyPage = 100;

/** A conversation of one user with pages and one without. */
export interface Talk {
  id: string;
  userId: string;
  /** A client of the other one, which has joined. */
  observer: FrameClient;
}

export class SdkSite {
  readonly server: TestServer;
  readonly #postgres: TestPostgres;
  readonly #browser: Browser;
  readonly #pages: PageServer;
  readonly #open: (SdkProfile | BackgroundTab)[] = [];
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
    const [id, userId] = [`talk-${n}`, `ana-${n}`];
    const observer = await this.server.client({ userId: `observer-${n}` });
    await observer.request('conversation:create', { id, channel: 'web', members: [userId] });
    await observer.request('join:conversation', { conversationId: id });
    return { id, userId, observer };
  }

  /** A browser profile of the talk's user. */
  async profile(talk: Talk, store: PageWishes['store'] = 'indexedDB'): Promise<SdkProfile> {
    const profile = new SdkProfile(await this.#browser.newContext(), this.#pages.origin, await this.#wishes(talk, store));
    this.#open.push(profile);
    return profile;
  }

  /** A live page of the talk's user that can be hidden and frozen. */
  async background(talk: Talk): Promise<BackgroundTab> {
    const tab = await BackgroundTab.live(this.#browser, this.#pages.origin, await this.#wishes(talk, 'indexedDB'));
    this.#open.push(tab);
    return tab;
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
    await Promise.all(this.#open.splice(0).map((one) => one.close()));
    await this.server.closeClients();
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#pages.close();
    await this.server.close();
    await this.#postgres.stop();
  }

  async #wishes({ id, userId }: Talk, store: PageWishes['store']): Promise<PageWishes> {
    return { url: this.server.url, token: await signTestToken({ userId }), conversationId: id, store };
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
