// The wire inspector: what went over the wires can be read, tokens cannot, and thousands of frames cost no more than a screenful.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { desktop } from '../support/browser.ts';
import { DemoSite, everybody, expectMarks, expectNewest, expectPressed, live, openFrame, patient, write } from '../support/demo-site.ts';

let site: DemoSite;

beforeAll(async () => {
  site = await DemoSite.start();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

test('a command and its reply are decoded, with request, size, round trip and bytes', async () => {
  const { page, complaints } = await openInspected(site);
  await write(page, 'ana', 'read me on the wire');
  await expectMarks(page, 'ana', ['Delivered']);
  await choosePerson(page, 'ana');
  const reply = await openFrame(page, 'message:send');
  expect(await reply.locator('.kind').innerText()).toBe('reply');
  expect(await reply.locator('.trip').innerText()).toMatch(/^[\d.,]+ ms$/);
  expect(JSON.parse(await body(page))).toMatchObject({ status: 'sent' });
  const request = await reply.locator('.request').innerText();

  const command = await openFrame(page, 'message:send');
  expect(await command.locator('.kind').innerText()).toBe('command');
  expect(await command.locator('.request').innerText()).toBe(request);
  expect(JSON.parse(await body(page))).toMatchObject({ conversationId: 'demo', type: 'text', text: 'read me on the wire' });
  const size = Number.parseInt(await command.locator('.size').innerText(), 10);
  const hex = await page.locator('.details .hex').innerText();
  expect([...hex.matchAll(/ [\da-f]{2}(?= )/g)]).toHaveLength(size);
  expect(hex.replaceAll(/^.{4} {2}(?:[\da-f ]{2} )+ /gm, '').replaceAll('\n', '')).toContain('read me on the wire');
  expect(await page.locator('.details h3').innerText()).toMatch(/^Ana to server: command message:send \d+, \d+ bytes$/);
  expect(complaints).toEqual([]);
});

test('a token is never shown', async () => {
  const { page } = await openInspected(site);
  await choosePerson(page, 'ana');
  await openFrame(page, 'auth');
  await openFrame(page, 'auth');
  expect(await page.locator('.frame[aria-selected="true"] .kind').innerText()).toBe('command');
  // What every JWT begins with.
  for (const part of ['.body', '.hex']) expect(await page.locator(`.details ${part}`).innerText()).not.toContain('eyJ');
  expect(await body(page)).toContain('agent');
});

test('frames of one person, with and without pings', async () => {
  const { page } = await openInspected(site);
  // The SDK asks whether the server is there.
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await choosePerson(page, 'eva');
  await expect.poll(() => shown(page, '.who').then((names) => [...new Set(names)]), patient).toEqual(['Eva']);
  expect(await shown(page, '.name')).not.toContain('ping');
  await page.locator('.hides-keepalives').uncheck();
  await expect.poll(() => shown(page, '.name'), patient).toContain('ping');
});

test('paused, it stands still and counts what comes', async () => {
  const { page } = await openInspected(site);
  await page.locator('.pause').click();
  await expectPressed(page.locator('.pause'), true);
  const before = await shown(page, '.time');
  await write(page, 'luis', 'while it stands still');
  await expect.poll(() => tally(page), patient).toMatch(/^\d+ frames, paused: [1-9]\d* newer$/);
  expect(await shown(page, '.time')).toEqual(before);
  await page.locator('.pause').click();
  await expect.poll(() => tally(page), patient).toMatch(/^\d+ frames$/);
  expect(await shown(page, '.time')).not.toEqual(before);
});

test('of thousands of frames the last are kept, and those in view are elements', async () => {
  const { page, complaints } = await openInspected(site);
  const messages = Array.from({ length: 600 }, (_, index) => `line ${index + 1}`);
  await site.send('luis', messages);
  for (const user of everybody) await expectNewest(page, user, ['line 600']);
  const frames = async () => Number((await tally(page)).replaceAll(/\D/g, ''));
  await expect.poll(frames, patient).toBeGreaterThanOrEqual(1_000);
  expect(await frames()).toBeLessThanOrEqual(1_250);
  expect(await page.locator('.frame').count()).toBeLessThan(50);
  await page.locator('.frames').focus();
  await page.keyboard.press('Home');
  await expect.poll(() => page.locator('.frames').evaluate((list) => list.scrollTop), patient).toBe(0);
  expect(await page.locator('.frame[aria-selected="true"]').getAttribute('aria-posinset')).toBe('1');
  expect(await page.locator('.frame').count()).toBeLessThan(50);
  expect(complaints).toEqual([]);
});

test('is opened and closed by keyboard, and a closed frame gives the focus back', async () => {
  const { page } = await site.open('/', { viewport: desktop });
  await live(page, ...everybody);
  await page.locator('#open-wire').focus();
  await page.keyboard.press('Enter');
  await openFrame(page, 'auth');
  await page.locator('.shut').focus();
  await page.keyboard.press('Enter');
  expect(await page.locator('.details').isVisible()).toBe(false);
  expect(await page.locator('.frames').evaluate((list) => list === document.activeElement)).toBe(true);
  await page.locator('#open-wire').click();
  expect(await page.locator('#wire').isVisible()).toBe(false);
});

async function openInspected(on: DemoSite) {
  const opened = await on.open('/', { viewport: desktop });
  await live(opened.page, ...everybody);
  await opened.page.locator('#open-wire').click();
  await opened.page.locator('.frame').first().waitFor();
  return opened;
}

const body = (page: Page) => page.locator('.details .body').innerText();
const tally = (page: Page) => page.locator('.tally').innerText();
const shown = (page: Page, column: string) => page.locator(`.frame ${column}`).allInnerTexts();
const choosePerson = (page: Page, user: string) => page.locator('.of-person').selectOption(user);
