// Stores that live in pages of a real browser, and are used from here. Each is a tab of its own.

import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { ClientStore } from '../../client-sdk/store/store.ts';
import type { StorePlace } from '../support/client-store-suite.ts';

/** Runs in the page: the store, and locks whose work is done elsewhere. */
interface PageWindow {
  store: ClientStore;
  releases: Map<number, (outcome: { error?: string }) => void>;
  aborts: Map<number, AbortController>;
}

export class PageStores implements StorePlace {
  readonly #browser: Browser;
  readonly #origin: string;
  readonly #make: string;
  readonly #pages = new Map<ClientStore, Page>();
  #context: Promise<BrowserContext> | undefined;
  #locks = 0;

  /** @param make an expression that makes the store of `stores`, the module with all of them */
  constructor(browser: Browser, origin: string, make: string) {
    this.#browser = browser;
    this.#origin = origin;
    this.#make = make;
  }

  async open(): Promise<ClientStore> {
    this.#context ??= this.#openContext();
    const page = await (await this.#context).newPage();
    await page.goto(this.#origin);
    const store = this.#storeOf(page);
    this.#pages.set(store, page);
    return store;
  }

  async kill(store: ClientStore): Promise<void> {
    await this.#pages.get(store)?.close();
  }

  async close(): Promise<void> {
    await (await this.#context)?.close();
  }

  /** The origin is answered here: no server, and no network. */
  async #openContext(): Promise<BrowserContext> {
    const { outputFiles } = await build({
      stdin: {
        contents: `import * as local from './local-storage.ts'; import * as indexed from './indexed-db.ts'; const stores = { ...local, ...indexed };
          window.store = ${this.#make}; window.releases = new Map(); window.aborts = new Map();`,
        resolveDir: new URL('../../client-sdk/store', import.meta.url).pathname,
      },
      bundle: true,
      write: false,
      format: 'iife',
      target: 'es2022',
    });
    const context = await this.#browser.newContext();
    const body = `<!doctype html><title>stores</title><script>${outputFiles[0]?.text}</script>`;
    await context.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body }));
    return context;
  }

  #storeOf(page: Page): ClientStore {
    const inPage = <A, R>(work: (window: PageWindow, argument: A) => Promise<R> | R, argument: A): Promise<R> =>
      page.evaluate(`(${work})(window, ${JSON.stringify(argument)})`) as Promise<R>;
    return {
      get: (key) => inPage(({ store }, key) => store.get(key), key),
      set: (key, value) => inPage(({ store }, [key, value]) => store.set(key, value), [key, value] as const),
      delete: (key) => inPage(({ store }, key) => store.delete(key), key),
      list: (prefix) => inPage(({ store }, prefix) => store.list(prefix), prefix),
      lock: async (name, work, signal) => {
        const id = ++this.#locks;
        // It may arrive before the request for the lock.
        const abort = () =>
          void inPage(({ aborts }, id) => {
            if (!aborts.has(id)) aborts.set(id, new AbortController());
            aborts.get(id)?.abort(new Error('aborted'));
          }, id);
        signal.addEventListener('abort', abort);
        await inPage(takeLock, { name, id });
        let outcome = {};
        try {
          return await work();
        } catch (error) {
          outcome = { error: String(error) };
          throw error;
        } finally {
          await inPage(({ releases }, { id, outcome }) => releases.get(id)?.(outcome), { id, outcome });
        }
      },
    };
  }
}

/** Resolves when the lock is held, which it is until it is released. */
function takeLock({ store, releases, aborts }: PageWindow, { name, id }: { name: string; id: number }): Promise<void> {
  const stop = aborts.get(id) ?? new AbortController();
  aborts.set(id, stop);
  return new Promise((resolve, reject) => {
    const work = () =>
      new Promise<void>((end, fail) => {
        releases.set(id, ({ error }) => (error ? fail(new Error(error)) : end()));
        resolve();
      });
    store.lock!(name, work, stop.signal).catch(reject);
  });
}
