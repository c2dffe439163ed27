// Tabs of one user that share a store: every message is stored once, and no view has anything twice.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PageTab } from '../support/sdk-page/tabs.ts';
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

  test.each([
    ['the older one is closed', 0, (tab: PageTab) => tab.page.close()],
    ['the younger one is closed', 1, (tab: PageTab) => tab.page.close()],
    ['the older one crashes', 0, (tab: PageTab) => tab.crash()],
    ['the younger one crashes', 1, (tab: PageTab) => tab.crash()],
  ])('%s in the middle of sending, and the other takes over before it hears from the server', async (_name, which, end) => {
    const talk = await site.talk();
    const profile = await site.profile(talk, store);
    const tabs = [await profile.live(), await profile.live()];
    const [ending, staying] = which === 0 ? tabs : tabs.toReversed();
    if (!ending || !staying) throw new Error('two tabs');
    await ending.call('send', texts('a', 1, 5));
    await ending.call('drained');
    ending.proxy.silence('up');
    await ending.call('send', texts('a', 6, 20));
    await ending.call('untilKept', 15);
    await staying.call('send', texts('b', 1, 5));
    await staying.call('drained');
    const heard = staying.proxy.frames.length;
    await end(ending);
    await staying.call('untilShown', texts('a', 6, 20));
    const between = staying.proxy.frames.slice(heard).map(({ name }) => name);
    expect(between.slice(0, between.indexOf('message:send'))).not.toContain('alive');
    await staying.call('untilKept', 0);
    await expectTheLog(site, talk, [staying], [...texts('a', 1, 5), ...texts('b', 1, 5), ...texts('a', 6, 20)]);
  });

  test('of three one is closed, and one of the others takes over', async () => {
    const talk = await site.talk();
    const profile = await site.profile(talk, store);
    const [a, b, c] = [await profile.live(), await profile.live(), await profile.live()];
    b.proxy.silence('up');
    await b.call('send', texts('b', 1, 10));
    await b.call('untilKept', 10);
    await b.page.close();
    await a.call('untilShown', texts('b', 1, 10));
    await a.call('untilKept', 0);
    await expectTheLog(site, talk, [a, c], texts('b', 1, 10));
    // What one process writes to localStorage another one may read later than it gets the lock: then both send, under the same ids.
    if (store === 'localStorage') return;
    const sent = [a, c].flatMap(({ proxy }) => proxy.frames.filter(({ kind, name }) => kind === 'command' && name === 'message:send'));
    expect(sent.map(({ body }) => body.text)).toEqual(texts('b', 1, 10));
  });
});
