// Messages that wait in a page which is reloaded, or dies: each is stored once, in order, and no view has anything twice.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectTheLog, numbered, SdkSite } from '../support/sdk-page.ts';

let site: SdkSite;

beforeAll(async () => {
  site = await SdkSite.start();
});
afterEach(() => site.leave());
afterAll(() => site.close());

describe.each(['localStorage', 'indexedDB'] as const)('with %s', (store) => {
  test('what was queued offline survives a reload and goes out in order', async () => {
    const talk = await site.talk();
    const tab = await (await site.profile(talk, store)).live();
    await tab.call('send', numbered(1, 3));
    await tab.call('drained');
    tab.proxy.unplug();
    await tab.call('untilState', 'offline');
    await tab.call('send', numbered(4, 30));
    await tab.call('untilKept', 27);
    await tab.reload();
    // Before the network.
    await tab.call('untilShown', numbered(4, 30));
    expect((await tab.call('view')).slice(-27).map(({ text }) => text)).toEqual(numbered(4, 30));
    await tab.call('send', numbered(31, 35));
    tab.proxy.restore();
    await tab.call('drained');
    await tab.call('untilKept', 0);
    await expectTheLog(site, talk, [tab], numbered(1, 35));
  });

  test('what came just before a reload is shown before the network', async () => {
    const talk = await site.talk();
    const tab = await (await site.profile(talk, store)).live();
    for (let round = 1; round <= 3; round++) {
      const text = `r${round}`;
      await talk.observer.request('message:send', { conversationId: talk.id, messageId: crypto.randomUUID(), type: 'text', text });
      await tab.call('untilShown', [text]);
      tab.proxy.unplug();
      await tab.reload();
      await tab.call('untilShown', [text]);
      expect(await tab.state).not.toBe('live');
      tab.proxy.restore();
      await tab.call('untilState', 'live');
    }
  });

  test('a page that is reloaded again and again while it sends', async () => {
    const talk = await site.talk();
    const tab = await (await site.profile(talk, store)).live();
    for (let round = 0; round < 5; round++) {
      // In the middle: some are stored, some are on their way, some have not left.
      const stored = tab.proxy.seen({ kind: 'reply', name: 'message:send' });
      const before = round * 20;
      await tab.call('send', numbered(before + 1, before + 20));
      await Promise.all([stored, tab.call('untilSafe')]);
      await tab.reload();
    }
    await tab.call('drained');
    await tab.call('untilKept', 0);
    await expectTheLog(site, talk, [tab], numbered(1, 100));
  });

  test.each(['up', 'down'] as const)('a page that dies with messages on their way, unanswered: silent %s', async (silent) => {
    const talk = await site.talk();
    const profile = await site.profile(talk, store);
    const dying = await profile.live();
    await dying.call('send', numbered(1, 3));
    await dying.call('drained');
    dying.proxy.silence(silent);
    await dying.call('send', numbered(4, 20));
    await dying.call('untilKept', 17);
    // Downwards the server has stored what the page does not know of.
    if (silent === 'down') await talk.observer.next('message:new', ({ text }) => text === 'm19');
    await dying.crash();
    expect(dying.proxy.faults.count('swallow', { name: 'message:send' })).toBe(16);
    const tab = await profile.live();
    await tab.call('send', numbered(21, 25));
    await tab.call('drained');
    await tab.call('untilKept', 0);
    await expectTheLog(site, talk, [tab], numbered(1, 25));
  });
});
