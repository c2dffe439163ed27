// The stores of the client SDK in a real browser: localStorage and IndexedDB, in secure contexts with Web Locks and in insecure
// ones with leases.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { clientStoreSuite } from '../support/client-store-suite.ts';
import { PageStores } from './page-store.ts';

const origins = { secure: 'http://localhost/', insecure: 'http://shop.test/' } as const;
const kinds = { localStorage: 'stores.localStorageStore()', indexedDB: 'stores.indexedDbStore()' } as const;

let browser: Browser;
const opened: PageStores[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await Promise.all(opened.map((stores) => stores.close()));
  await browser?.close();
});

/** Made at the first use, when the browser is there. */
function placeOf(origin: string, make: string): () => PageStores {
  let stores: PageStores | undefined;
  return () => {
    if (!stores) {
      stores = new PageStores(browser, origin, make);
      opened.push(stores);
    }
    return stores;
  };
}

for (const [context, origin] of Object.entries(origins)) {
  for (const [kind, make] of Object.entries(kinds)) clientStoreSuite(`${kind}, ${context}`, placeOf(origin, make), { locks: true });
}

test('a full localStorage rejects, and keeps what it has', async () => {
  const store = await placeOf(origins.secure, kinds.localStorage)().open();
  await store.set('k', 'small');
  await expect(store.set('k', 'x'.repeat(6_000_000))).rejects.toThrow(/quota/i);
  expect(await store.get('k')).toBe('small');
  await store.set('k', 'still works');
  expect(await store.get('k')).toBe('still works');
});
