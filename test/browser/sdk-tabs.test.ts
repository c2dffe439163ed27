// Tabs of one user that share a store: every message is stored once, and no view has anything twice.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectTheLog, SdkSite } from '../support/sdk-page.ts';

let site: SdkSite;

beforeAll(async () => {
  site = await SdkSite.start();
});
afterEach(() => site.leave());
afterAll(() => site.close());

const texts = (tab: string, from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${tab}${from + i}`);

describe.each(['localStorage', 'indexedDB'] as const)('with %s', (store) => {
  test('both write at once', async () => {
    const talk = await site.talk();
    const profile = await site.profile(talk, store);
    const [a, b] = [await profile.live(), await profile.live()];
    for (let round = 0; round < 5; round++) {
      const [from, to] = [round * 10 + 1, round * 10 + 10];
      await Promise.all([a.call('send', texts('a', from, to)), b.call('send', texts('b', from, to))]);
    }
    await Promise.all([a.call('drained'), b.call('drained')]);
    await a.call('untilKept', 0);
    const stored = (await site.log(talk)).map(({ text }) => text as string);
    for (const tab of ['a', 'b']) expect(stored.filter((text) => text.startsWith(tab))).toEqual(texts(tab, 1, 50));
    await expectTheLog(site, talk, [a, b], stored);
    expect(stored).toHaveLength(100);
  });

  test('one is closed in the middle of sending, and the other takes over', async () => {
    const talk = await site.talk();
    const profile = await site.profile(talk, store);
    const [a, b] = [await profile.live(), await profile.live()];
    await a.call('send', texts('a', 1, 5));
    await a.call('drained');
    a.proxy.silence('up');
    await a.call('send', texts('a', 6, 20));
    await a.call('untilKept', 15);
    await b.call('send', texts('b', 1, 5));
    await b.call('drained');
    await a.page.close();
    // Tabs look for messages of others whenever they are complete: every 25 s, and after every reconnect.
    b.proxy.cut();
    await b.call('untilShown', texts('a', 6, 20));
    await b.call('untilKept', 0);
    await expectTheLog(site, talk, [b], [...texts('a', 1, 5), ...texts('b', 1, 5), ...texts('a', 6, 20)]);
  });
});
