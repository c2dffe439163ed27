// The demo page fits every screen, is readable for everybody and obeys the keyboard. Screenshots go to test-output/.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults, desktop, phone, screenshot, sidewaysPx } from '../support/browser.ts';
import { DemoSite, expectMarks, half, input, live, write } from '../support/demo-site.ts';

let site: DemoSite;

beforeAll(async () => {
  site = await DemoSite.start();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const sizes = { desktop, phone };
const looks = (['desktop', 'phone'] as const).flatMap((size) =>
  (['light', 'dark'] as const).flatMap((scheme) => [
    [size, scheme, 'both sides', '/'] as const,
    [size, scheme, 'one side', '/?user=ana'] as const,
  ]),
);

test.each(looks)('on a %s, %s, with %s, fits and has no fault of WCAG A or AA', async (size, colorScheme, sides, where) => {
  const both = sides === 'both sides';
  const { page, complaints } = await site.open(where, { viewport: sizes[size], colorScheme });
  await live(page, ...(both ? ['ana', 'luis'] : ['ana']));
  await write(page, 'ana', 'Good morning! My order 4711 has not arrived yet, and the tracking page has not moved since Monday.');
  await expectMarks(page, 'ana', [both ? 'Delivered' : 'Stored by the server']);
  expect(await sidewaysPx(page)).toBe(0);
  expect(await accessibilityFaults(page)).toEqual([]);
  await screenshot(page, `demo-${size}-${colorScheme}-${sides.replace(' ', '-')}`);
  expect(complaints).toEqual([]);
});

test('on a phone with its keyboard open leaves the side in use whole', async () => {
  const { page } = await site.open('/', { viewport: { width: phone.width, height: 430 } });
  await live(page, 'ana', 'luis');
  for (const user of ['ana', 'luis']) {
    await input(page, user).click();
    const box = await half(page, user).boundingBox();
    expect(box!.height).toBeGreaterThan(200);
    expect(box!.y + box!.height).toBeLessThanOrEqual(430);
    expect(await half(page, user).locator('.log').isVisible()).toBe(true);
  }
  expect(await accessibilityFaults(page)).toEqual([]);
});

test('is used with the keyboard alone', async () => {
  const { page } = await site.open();
  await live(page, 'ana', 'luis');
  const visited = new Set<string>();
  for (let step = 0; step < 14; step++) {
    await page.keyboard.press('Tab');
    visited.add(
      await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        return `${element.closest<HTMLElement>('.half')?.dataset.user ?? 'page'} ${element.className || element.localName}`;
      }),
    );
  }
  for (const user of ['ana', 'luis']) {
    for (const stop of ['tool cable', 'tool alone', 'log', 'textarea', 'button']) expect(visited).toContain(`${user} ${stop}`);
  }
});
