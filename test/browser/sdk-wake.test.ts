// A page whose network, clock or tab goes away and comes back: it notices at once, and its log is the server's.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectTheLog, numbered, SdkSite, type Talk } from '../support/sdk-page.ts';

let site: SdkSite;

beforeAll(async () => {
  site = await SdkSite.start();
});
afterEach(() => site.leave());
afterAll(() => site.close());

/** The clock of the page can be stopped and set; it runs until then. */
const withClock = (page: Page) => page.clock.install();

/** Stops the clock of the page: what happens from now on happens without a timer, until the clock is moved. */
async function stopClock(page: Page): Promise<void> {
  const nowMs = await page.evaluate(() => Date.now());
  await page.clock.pauseAt(nowMs + 1_000);
}

/** The other one writes these, one after the other. */
async function observed({ id, observer }: Talk, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await observer.request('message:send', { conversationId: id, messageId: crypto.randomUUID(), type: 'text', text });
  }
}

describe('the network', () => {
  test('offline is seen, and online brings everything back without waiting', async () => {
    const talk = await site.talk();
    const profile = await site.profile(talk);
    const tab = await profile.live(withClock);
    await tab.call('send', numbered(1, 3));
    await tab.call('drained');
    await stopClock(tab.page);
    await profile.context.setOffline(true);
    // The page asks whether the server is there, and believes the silence after five seconds.
    await tab.page.clock.runFor(5_000);
    expect(await tab.state).toBe('offline');
    await tab.call('send', numbered(4, 9));
    expect((await tab.call('statuses')).slice(3)).toEqual(Array(6).fill('queued'));
    await observed(talk, ['meanwhile']);
    // Every try fails for a minute.
    await tab.page.clock.runFor(60_000);
    expect(await tab.state).not.toBe('live');
    expect(tab.proxy.connections).toBe(1);
    await profile.context.setOffline(false);
    await tab.call('untilState', 'live');
    await tab.page.clock.resume();
    await tab.call('drained');
    await expectTheLog(site, talk, [tab], [...numbered(1, 3), 'meanwhile', ...numbered(4, 9)]);
  });
});

describe('the clock', () => {
  test.each([
    ['ten minutes', 600_000],
    ['ninety days', 90 * 86_400_000],
    ['an hour back', -3_600_000],
  ])('after a sleep of %s a dead connection is found in ten seconds', async (_words, jumpMs) => {
    const talk = await site.talk();
    const tab = await (await site.profile(talk)).live(withClock);
    await tab.call('send', numbered(1, 3));
    await tab.call('drained');
    await stopClock(tab.page);
    tab.proxy.silence('both');
    await tab.call('send', numbered(4, 6));
    await observed(talk, numbered(101, 250));
    const asked = tab.proxy.seen({ kind: 'command', name: 'ping' });
    const nowMs = await tab.page.evaluate(() => Date.now());
    await tab.page.clock.setSystemTime(nowMs + jumpMs);
    // The keepalive alone would take 38 seconds.
    await tab.page.clock.runFor(5_000);
    await asked;
    expect(await tab.state).toBe('live');
    await tab.page.clock.runFor(5_000);
    expect(await tab.state).not.toBe('live');
    await tab.page.clock.resume();
    await tab.call('drained');
    await tab.call('untilState', 'live');
    await tab.call('send', numbered(7, 9));
    await tab.call('drained');
    await expectTheLog(site, talk, [tab], [...numbered(1, 3), ...numbered(101, 250), ...numbered(4, 9)]);
  });
});

describe('a tab in the background', () => {
  test('Chromium takes the connection of a frozen page; thawed it comes back by itself and has missed nothing', async () => {
    const talk = await site.talk();
    const tab = await site.background(talk);
    await tab.call('send', numbered(1, 3));
    await tab.call('drained');
    await tab.page.freeze();
    await observed(talk, numbered(4, 150));
    expect(await tab.call('heard')).toHaveLength(3);
    await tab.page.thaw();
    await tab.call('send', numbered(151, 155));
    await tab.call('drained');
    await expectTheLog(site, talk, [tab], numbered(1, 155));
    expect(tab.proxy.connections).toBe(2);
  });

  test('its connection dies while it is hidden: shown again it asks at once, and comes back', async () => {
    const talk = await site.talk();
    const tab = await site.background(talk);
    await tab.page.freeze();
    await tab.page.thaw();
    await tab.call('send', numbered(1, 3));
    await tab.call('drained');
    expect(await tab.page.evaluate('document.visibilityState')).toBe('hidden');
    tab.proxy.silence('both');
    await observed(talk, numbered(4, 60));
    const asked = tab.proxy.seen({ kind: 'command', name: 'ping' });
    await tab.page.show();
    await asked;
    await tab.call('untilPosition', 60);
    await tab.call('send', numbered(61, 65));
    await tab.call('drained');
    await expectTheLog(site, talk, [tab], numbered(1, 65));
    expect(tab.proxy.connections).toBe(3);
  });

  test('a page that is hidden and shown again and again is online all the time for the others', async () => {
    const talk = await site.talk();
    const tab = await site.background(talk);
    await talk.observer.request('presence:subscribe', { userIds: [talk.userId] });
    for (let round = 0; round < 3; round++) {
      await tab.page.freeze();
      await tab.page.thaw();
      await tab.page.show();
      await tab.call('send', [`round ${round}`]);
      await tab.call('drained');
    }
    await talk.observer.settled();
    expect(talk.observer.all('presence:update')).toEqual([]);
  });
});
