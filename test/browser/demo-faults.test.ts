// Every button of the demo page does what it says: seen on the page, on the wire and in the server's log, where each message
// stands once whatever was broken.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decodeCommand, encodeError } from '../../protocol/codec.ts';
import { commandOps } from '../../protocol/index.ts';
import { desktop } from '../support/browser.ts';
import {
  allWell,
  DemoSite,
  everybody,
  expectMarks,
  expectNewest,
  expectPressed,
  fault,
  input,
  live,
  openFrame,
  panel,
  patient,
  people,
  queue,
  reason,
  state,
  texts,
  verdict,
  write,
} from '../support/demo-site.ts';
import { forgeWireOf } from '../support/demo-wire.ts';

describe('the buttons of a person', () => {
  let site: DemoSite;
  beforeAll(async () => {
    site = await DemoSite.start();
  });
  afterEach(() => site.closePages());
  afterAll(() => site?.close());

  const storedTexts = async () => (await site.log()).map(({ text }) => text);

  test('cut the network: what is written waits, and is stored once it is mended', async () => {
    const { page } = await site.open();
    await live(page, ...everybody);
    await fault(page, 'ana', 'cut').click();
    await expectPressed(fault(page, 'ana', 'cut'), true);
    await expect.poll(() => state(page, 'ana'), patient).toBe('Offline');
    expect(await reason(page, 'ana')).toBe('the network is cut');
    await write(page, 'ana', 'cut 1', 'cut 2');
    await expect.poll(() => queue(page, 'ana'), patient).toBe('2');
    await write(page, 'eva', 'cut 3');
    await expectNewest(page, 'luis', ['cut 3']);
    expect(await storedTexts()).not.toContain('cut 1');
    await fault(page, 'ana', 'cut').click();
    await expectPressed(fault(page, 'ana', 'cut'), false);
    for (const user of everybody) await expectNewest(page, user, ['cut 3', 'cut 1', 'cut 2']);
    await expect.poll(() => queue(page, 'ana'), patient).toBe('0');
    expect((await storedTexts()).filter((text) => text?.startsWith('cut '))).toEqual(['cut 3', 'cut 1', 'cut 2']);
    expect(await verdict(page)).toBe(allWell);
  });

  test('lose the next ack: the message is stored although its answer is lost, and stays one message', async () => {
    const { page, complaints } = await site.open('/?user=ana');
    await live(page, 'ana');
    await fault(page, 'ana', 'lose-ack').click();
    await expectPressed(fault(page, 'ana', 'lose-ack'), true);
    await expect.poll(() => reason(page, 'ana'), patient).toBe('next answer will be lost');
    await write(page, 'ana', 'never acknowledged');
    await expectPressed(fault(page, 'ana', 'lose-ack'), false);
    await expect.poll(async () => (await storedTexts()).at(-1), patient).toBe('never acknowledged');
    await expectMarks(page, 'ana', ['Delivered']);
    await expect.poll(() => queue(page, 'ana'), patient).toBe('0');
    expect((await storedTexts()).filter((text) => text === 'never acknowledged')).toHaveLength(1);
    await page.locator('#open-wire').click();
    await openFrame(page, 'message:send', 'lost');
    expect(await verdict(page)).toBe(allWell);
    expect(complaints).toEqual([]);
  });

  test('send twice: the next message reaches the server twice and is stored once', async () => {
    const { page, complaints } = await site.open();
    await live(page, ...everybody);
    await fault(page, 'luis', 'double').click();
    await expectPressed(fault(page, 'luis', 'double'), true);
    await expect.poll(() => reason(page, 'luis'), patient).toBe('next message goes twice');
    await write(page, 'luis', 'said twice');
    await expectPressed(fault(page, 'luis', 'double'), false);
    for (const user of everybody) await expectNewest(page, user, ['said twice']);
    expect((await storedTexts()).filter((text) => text === 'said twice')).toHaveLength(1);
    for (const user of everybody) expect((await texts(page, user)).filter((text) => text === 'said twice')).toHaveLength(1);
    await page.locator('#open-wire').click();
    await openFrame(page, 'message:send', 'doubled');
    expect(await verdict(page)).toBe(allWell);
    expect(complaints).toEqual([]);
  });

  test('sleep ten minutes: nothing comes in meanwhile, and everything after waking', async () => {
    const { page, complaints } = await site.open();
    await live(page, ...everybody);
    const before = await texts(page, 'eva');
    await fault(page, 'eva', 'sleep').click();
    await expectPressed(fault(page, 'eva', 'sleep'), true);
    await expect.poll(() => reason(page, 'eva'), patient).toBe('asleep: ten minutes pass');
    await write(page, 'luis', 'are you asleep?');
    await expectNewest(page, 'ana', ['are you asleep?']);
    if (await isPressed(page, 'eva', 'sleep')) expect(await texts(page, 'eva')).toEqual(before);
    await write(page, 'eva', 'written in sleep');
    await expectPressed(fault(page, 'eva', 'sleep'), false);
    for (const user of everybody) await expectNewest(page, user, ['are you asleep?', 'written in sleep']);
    await live(page, 'eva');
    expect((await storedTexts()).filter((text) => text === 'written in sleep')).toHaveLength(1);
    expect(await verdict(page)).toBe(allWell);
    expect(complaints).toEqual([]);
  });

  test('everybody writes ten: all of them reach all panels in one order', async () => {
    const { page, complaints } = await site.open();
    await live(page, ...everybody);
    await page.locator('#everybody').click();
    const written = async (user: string) => (await texts(page, user)).slice(-30);
    const expected = people.flatMap((user) => Array.from({ length: 10 }, (_, index) => `${index + 1} of 10 from ${nameOf(user)}`));
    await expect.poll(async () => (await written('bot')).toSorted(), patient).toEqual(expected.toSorted());
    const order = (await storedTexts()).filter((text) => /^\d+ of 10 from /.test(text ?? ''));
    for (const user of everybody) await expect.poll(() => written(user), patient).toEqual(order);
    await expect.poll(() => queue(page, 'ana'), patient).toBe('0');
    expect(await verdict(page)).toBe(allWell);
    expect(complaints).toEqual([]);
  });

  test('a reload keeps what waits, and it is stored once', async () => {
    const { page } = await site.open();
    await live(page, ...everybody);
    await fault(page, 'ana', 'cut').click();
    await write(page, 'ana', 'before the reload 1', 'before the reload 2');
    await expect.poll(() => queue(page, 'ana'), patient).toBe('2');
    await page.reload();
    await live(page, ...everybody);
    for (const user of everybody) await expectNewest(page, user, ['before the reload 1', 'before the reload 2']);
    await expect.poll(() => queue(page, 'ana'), patient).toBe('0');
    expect((await storedTexts()).filter((text) => text?.startsWith('before the reload'))).toHaveLength(2);
    expect(await verdict(page)).toBe(allWell);
  });

  test('a message that is refused stays there as not sent, and is stored once when it is tried again', async () => {
    let refusals = 0;
    const luis = forgeWireOf('luis', {
      toServer(frame, pass, answer) {
        const { op, id } = decodeCommand(frame);
        if (op !== commandOps['message:send'] || refusals++ > 0) pass(frame);
        else answer(encodeError(id, { code: 'CONVERSATION_CLOSED', message: 'it is closed', retryable: false }));
      },
    });
    const { page, complaints } = await site.open('/', { viewport: desktop }, luis);
    await live(page, ...everybody);
    await write(page, 'luis', 'too late');
    await expectMarks(page, 'luis', ['Not sent']);
    await panel(page, 'luis').getByRole('button', { name: 'Try again' }).click();
    await expectMarks(page, 'luis', ['Delivered']);
    await expectNewest(page, 'eva', ['too late']);
    expect((await storedTexts()).filter((text) => text === 'too late')).toHaveLength(1);
    expect(complaints).toEqual([]);
  });

  test('a full outbox is said where one writes, and what was taken is stored', async () => {
    const { page } = await site.open('/?user=ana');
    await live(page, 'ana');
    await fault(page, 'ana', 'cut').click();
    // The SDK takes 1,000.
    await page.evaluate(() => {
      for (let press = 0; press < 100; press++) document.querySelector<HTMLElement>('#everybody')!.click();
    });
    await page.locator('#everybody').click();
    await expect.poll(() => page.locator('#notice').innerText(), patient).toBe('0 messages were written at once, 10 did not fit.');
    await write(page, 'ana', 'one too many');
    expect(await panel(page, 'ana').locator('.refusal').innerText()).toMatch(/^Not taken: 1000 messages .* are waiting$/);
    expect(await input(page, 'ana').inputValue()).toBe('one too many');
    await fault(page, 'ana', 'cut').click();
    await expect.poll(() => queue(page, 'ana'), patient).toBe('0');
    await input(page, 'ana').press('Enter');
    await expectMarks(page, 'ana', ['Stored by the server']);
    expect(await panel(page, 'ana').locator('.refusal').isVisible()).toBe(false);
    const stored = (await storedTexts()).slice(-1_001);
    expect(stored.filter((text) => / of 10 from Ana$/.test(text ?? ''))).toHaveLength(1_000);
    expect(stored.at(-1)).toBe('one too many');
  });

  test('the server cannot be killed where nothing would start it again, and the button says why', async () => {
    const { page, complaints } = await site.open();
    await live(page, ...everybody);
    const kill = page.locator('#kill');
    expect(await kill.getAttribute('aria-disabled')).toBe('true');
    expect(await kill.getAttribute('title')).toContain('script/server');
    await kill.click({ force: true });
    await expect.poll(() => page.locator('#notice').innerText(), patient).toContain('script/server');
    await live(page, ...everybody);
    expect(complaints).toEqual([]);
  });
});

describe('the button that kills the server', () => {
  let site: DemoSite;
  beforeAll(async () => {
    site = await DemoSite.startKillable();
  });
  afterAll(() => site?.close());

  test('ends it without a farewell; all come back, and what was written meanwhile arrives', async () => {
    const { page } = await site.open();
    await live(page, ...everybody);
    await write(page, 'ana', 'before');
    await expectMarks(page, 'ana', ['Delivered']);
    await page.locator('#kill').click();
    await expect.poll(() => page.locator('#notice').innerText(), patient).toMatch(/^The server was killed at /);
    await expect.poll(() => state(page, 'ana'), patient).not.toBe('Live');
    await write(page, 'ana', 'without a server');
    await live(page, ...everybody);
    for (const user of everybody) await expectNewest(page, user, ['before', 'without a server']);
    await expect.poll(() => queue(page, 'ana'), patient).toBe('0');
    expect((await site.log()).filter(({ text }) => text === 'without a server')).toHaveLength(1);
    await expect.poll(() => page.locator('#notice').innerText(), patient).toMatch(/ was live again after \d+\.\d s\.$/);
    expect(await verdict(page)).toBe(allWell);
  });
});

const nameOf = (user: string) => user.slice(0, 1).toUpperCase() + user.slice(1);

async function isPressed(page: Page, user: string, name: string): Promise<boolean> {
  return (await fault(page, user, name).getAttribute('aria-pressed')) === 'true';
}
