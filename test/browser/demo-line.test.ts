// The live line is not blind: a network that lies to the SDK, as no fault of the page does, makes it say so. What cannot be
// forged on the wire, an SDK that goes back, is shown to the ledger in its unit tests.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { decodePush, encodePush, unpack } from '../../protocol/codec.ts';
import { pushOps, replyKind } from '../../protocol/index.ts';
import { accessibilityFaults, desktop, screenshot } from '../support/browser.ts';
import { allWell, DemoSite, everybody, expectNewest, live, patient, texts, verdict, write } from '../support/demo-site.ts';
import { forgeWireOf } from '../support/demo-wire.ts';

let site: DemoSite;

beforeAll(async () => {
  site = await DemoSite.start();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

test('a message that somebody who is live does not get is lost, until it comes', async () => {
  let swallows = false;
  const eva = forgeWireOf('eva', {
    toClient(frame, pass) {
      const isPush = (unpack(frame) as unknown[])[0] !== replyKind;
      if (!(swallows && isPush)) pass(frame);
    },
  });
  const { page } = await site.open('/', { viewport: desktop }, eva);
  await live(page, ...everybody);
  swallows = true;
  await write(page, 'luis', 'not for Eva');
  await expectNewest(page, 'ana', ['not for Eva']);
  await expect.poll(() => verdict(page), patient).toBe('lost 1 · doubled 0 · out of order 0');
  await expectAlarm(page, true);
  await expect.poll(() => page.locator('#line .findings').innerText(), patient).toContain('eva');
  expect(await accessibilityFaults(page)).toEqual([]);
  await screenshot(page, 'demo-line-lost');

  swallows = false;
  await write(page, 'luis', 'for all');
  await expectNewest(page, 'eva', ['not for Eva', 'for all']);
  await expect.poll(() => verdict(page), patient).toBe(allWell);
  await expectAlarm(page, false);
});

test('a message that is stored under two numbers is doubled, and stays so', async () => {
  const eva = forgeWireOf('eva', {
    toClient(frame, pass) {
      pass(frame);
      if ((unpack(frame) as unknown[])[0] !== pushOps['message:new']) return;
      const entry = decodePush('message:new', frame);
      if (entry.text === 'once') pass(encodePush('message:new', { ...entry, seq: entry.seq + 1, id: `${entry.id}-forged` }));
    },
  });
  const { page } = await site.open('/', { viewport: desktop, colorScheme: 'dark' }, eva);
  await live(page, ...everybody);
  await write(page, 'luis', 'once');
  await expect.poll(() => verdict(page), patient).toMatch(/^lost 0 · doubled [1-9]\d* · /);
  await expectAlarm(page, true);
  expect((await texts(page, 'eva')).filter((text) => text === 'once').length).toBeGreaterThan(0);
  await screenshot(page, 'demo-line-doubled');
});

async function expectAlarm(page: Page, alarm: boolean): Promise<void> {
  await expect.poll(() => page.locator('#line').getAttribute('data-broken'), patient).toBe(alarm ? '' : null);
  expect(await page.locator('#line .not-well').isVisible()).toBe(alarm);
}
