// The demo page fits every screen, is readable for everybody and obeys the keyboard. Screenshots go to test-output/.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults, desktop, phone, screenshot, sidewaysPx } from '../support/browser.ts';
import {
  DemoSite,
  everybody,
  expectMarks,
  expectPressed,
  fault,
  input,
  live,
  openFrame,
  panel,
  patient,
  people,
  write,
} from '../support/demo-site.ts';

let site: DemoSite;

beforeAll(async () => {
  site = await DemoSite.start();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const sizes = { desktop, phone, tablet: { width: 820, height: 1180 } };
const schemes = ['light', 'dark'] as const;
const faultsOf = (user: string) =>
  ['cut', 'lose-ack', 'double', 'sleep'].map((name) => `.panel[data-user="${user}"] [data-fault="${name}"]`);
const tab = (page: Page, name: string) => page.locator('.tab', { hasText: name });

const looks = (Object.keys(sizes) as (keyof typeof sizes)[]).flatMap((size) =>
  schemes.flatMap((scheme) => (['all', 'one'] as const).map((shown) => [size, scheme, shown] as const)),
);

test.each(looks)('on a %s, %s, with %s, fits and has no fault of WCAG A or AA', async (size, colorScheme, shown) => {
  const { page, complaints } = await site.open(shown === 'all' ? '/' : '/?user=ana', { viewport: sizes[size], colorScheme });
  await live(page, ...(shown === 'all' ? everybody : ['ana']));
  await write(page, 'ana', 'Good morning! My order 4711 has not arrived yet, and the tracking page has not moved since Monday.');
  await expectMarks(page, 'ana', [shown === 'all' ? 'Delivered' : 'Stored by the server']);
  expect(await sidewaysPx(page)).toBe(0);
  expect(await accessibilityFaults(page)).toEqual([]);
  await screenshot(page, `demo-${size}-${colorScheme}-${shown}`);
  expect(complaints).toEqual([]);
});

test.each(schemes)('on a desktop, %s, with everything broken and a frame opened', async (colorScheme) => {
  const { page } = await site.open('/', { viewport: desktop, colorScheme });
  await live(page, ...everybody);
  await write(page, 'ana', 'Where is my order?');
  await expectMarks(page, 'ana', ['Delivered']);
  await page.locator('#open-wire').click();
  await openFrame(page, 'message:send');
  await fault(page, 'ana', 'cut').click();
  await write(page, 'ana', 'in the tunnel');
  await fault(page, 'eva', 'lose-ack').click();
  await fault(page, 'luis', 'double').click();
  await fault(page, 'bot', 'sleep').click();
  await expectMarks(page, 'ana', ['Waiting to be sent']);
  expect(await sidewaysPx(page)).toBe(0);
  expect(await accessibilityFaults(page)).toEqual([]);
  await screenshot(page, `demo-desktop-${colorScheme}-broken`);
});

test.each(schemes)('on a phone, %s, with the inspector', async (colorScheme) => {
  const { page } = await site.open('/', { viewport: phone, colorScheme });
  await live(page, ...everybody);
  await write(page, 'ana', 'Where is my order?');
  await expectMarks(page, 'ana', ['Delivered']);
  await tab(page, 'Wire').click();
  await openFrame(page, 'message:send');
  expect(await sidewaysPx(page)).toBe(0);
  expect(await accessibilityFaults(page)).toEqual([]);
  await screenshot(page, `demo-phone-${colorScheme}-wire`);
});

test('on a phone shows one panel at a time, with the line and the buttons in reach', async () => {
  const { page } = await site.open('/', { viewport: phone });
  await live(page, ...everybody);
  for (const user of everybody) {
    await tab(page, user).click();
    for (const other of everybody) expect(await panel(page, other).isVisible()).toBe(other === user);
    for (const selector of faultsOf(user)) await expectInWindow(page, selector);
    await expectInWindow(page, '#line .verdict');
    await expectInWindow(page, '#kill');
  }
  await tab(page, 'luis').click();
  await site.send('ana', ['for everybody who is not looking']);
  await expect.poll(() => tab(page, 'eva').locator('.unread').isVisible(), patient).toBe(true);
  await expect.poll(() => tab(page, 'luis').locator('.unread').isVisible(), patient).toBe(false);
});

test('on a phone with its keyboard open leaves the panel in use whole', async () => {
  const { page } = await site.open('/', { viewport: phone });
  await live(page, ...everybody);
  for (const user of people) {
    await page.setViewportSize(phone);
    await tab(page, user).click();
    await input(page, user).click();
    await page.setViewportSize({ width: phone.width, height: 430 });
    const box = await panel(page, user).boundingBox();
    expect(box!.height).toBeGreaterThan(200);
    expect(box!.y + box!.height).toBeLessThanOrEqual(430);
    expect(await panel(page, user).locator('.log').isVisible()).toBe(true);
  }
  expect(await accessibilityFaults(page)).toEqual([]);
});

/** What WCAG 1.4.10 asks for, and a phone on its side. */
test.each([
  [320, 256],
  [667, 375],
  [1280, 420],
])('in a low window of %i × %i everything can be scrolled to', async (width, height) => {
  const { page } = await site.open('/', { viewport: { width, height } });
  await live(page, ...everybody);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  const wide = width >= 720;
  const selectors = ['#line .verdict', '#everybody', '#kill', ...faultsOf('ana'), '.panel[data-user="ana"] .numbers', '.legend'];
  for (const selector of wide ? selectors : [...selectors, '#wire-tab']) {
    await page.locator(selector).scrollIntoViewIfNeeded();
    await expectInWindow(page, selector);
  }
  expect((await panel(page, 'ana').locator('.log').boundingBox())!.height).toBeGreaterThan(100);
  expect(await sidewaysPx(page)).toBe(0);
  await screenshot(page, `demo-low-${width}`);
});

test('is used with the keyboard alone', async () => {
  const { page } = await site.open();
  await live(page, ...everybody);
  const visited = new Set<string>();
  // From the beginning of the page, through everything, back to it.
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press('Tab');
    visited.add(
      await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        const whose = element.closest<HTMLElement>('.panel')?.dataset.user ?? 'page';
        return `${whose} ${element.dataset.fault ?? (element.id || element.className || element.localName)}`;
      }),
    );
  }
  const stops = ['cut', 'lose-ack', 'double', 'sleep', 'tool alone', 'log'];
  for (const user of everybody) for (const stop of stops) expect(visited).toContain(`${user} ${stop}`);
  for (const user of people) for (const stop of ['textarea', 'button']) expect(visited).toContain(`${user} ${stop}`);
  for (const stop of ['everybody', 'kill', 'open-wire']) expect(visited).toContain(`page ${stop}`);

  const double = fault(page, 'luis', 'double');
  await double.focus();
  await page.keyboard.press('Space');
  await expectPressed(double, true);
  await page.keyboard.press('Space');
  await expectPressed(double, false);
});

async function expectInWindow(page: Page, selector: string): Promise<void> {
  const box = await page.locator(selector).boundingBox();
  const { width, height } = page.viewportSize()!;
  expect(box, selector).not.toBeNull();
  expect(box!.x >= 0 && box!.y >= 0 && box!.x + box!.width <= width && box!.y + box!.height <= height, selector).toBe(true);
}
