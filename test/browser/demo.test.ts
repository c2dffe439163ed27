// The demo page in a real browser against the real server: what one person writes, the other sees, in order, once, with
// marks that mean what they say.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { desktop, screenshot } from '../support/browser.ts';
import {
  DemoSite,
  everybody,
  expectMarks,
  expectNewest,
  fault,
  input,
  live,
  panel,
  patient,
  state,
  texts,
  unread,
  write,
} from '../support/demo-site.ts';

const greeting = expect.stringMatching(/^Hi Ana, I am Luis\. /);

let site: DemoSite;

beforeAll(async () => {
  site = await DemoSite.start();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

describe('two customers, an agent and a bot side by side', () => {
  test('open live with a message there and the cursor on the left', async () => {
    const { page, complaints } = await site.open();
    await live(page, ...everybody);
    for (const user of everybody) expect(await texts(page, user)).toContainEqual(greeting);
    expect(await input(page, 'ana').evaluate((element) => element === document.activeElement)).toBe(true);
    const boxes = await Promise.all(everybody.map((user) => panel(page, user).boundingBox()));
    for (const [index, box] of boxes.slice(1).entries()) expect(boxes[index]!.x + boxes[index]!.width).toBeLessThanOrEqual(box!.x);
    expect(await input(page, 'bot').isVisible()).toBe(false);
    await screenshot(page, 'demo-first-look');
    expect(complaints).toEqual([]);
  });

  test('what Ana writes is announced, arrives in order, and is read when Luis turns to it', async () => {
    const { page, complaints } = await site.open();
    await live(page, ...everybody);
    await input(page, 'ana').pressSequentially('Where ');
    await expect.poll(() => panel(page, 'luis').locator('.typing').innerText(), patient).toBe('Ana is writing…');
    const messages = ['Where is my order?', 'It has the number 4711', 'Thank you'];
    await write(page, 'ana', ...messages);
    await expectNewest(page, 'luis', messages);
    await expectNewest(page, 'ana', messages);
    await expectMarks(page, 'ana', ['Delivered', 'Delivered', 'Delivered']);
    // Each was answered by the bot.
    await expect.poll(() => unread(page, 'luis').innerText(), patient).toBe('6 unread');
    expect(await panel(page, 'luis').locator('.typing').innerText()).toBe('');

    await input(page, 'luis').click();
    await expectMarks(page, 'ana', ['Read', 'Read', 'Read']);
    await expect.poll(() => unread(page, 'luis').isHidden(), patient).toBe(true);
    await write(page, 'luis', 'Let me look');
    await expectNewest(page, 'ana', [...messages, 'Let me look']);
    expect(complaints).toEqual([]);
  });

  test('texts stay texts', async () => {
    const { page, complaints } = await site.open();
    await live(page, ...everybody);
    const hostile = '<img src=x onerror="document.title=1"><b>bold</b> &lt;i&gt;';
    await write(page, 'ana', hostile);
    await expectNewest(page, 'luis', [hostile]);
    expect(await panel(page, 'luis').locator('.log :is(img, b, i)').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('Shift and Enter make a new line, white space alone is not sent', async () => {
    const { page } = await site.open();
    await live(page, ...everybody);
    await input(page, 'ana').fill('   ');
    await input(page, 'ana').press('Enter');
    await input(page, 'ana').fill('first');
    await input(page, 'ana').press('Shift+Enter');
    await input(page, 'ana').pressSequentially('second');
    await input(page, 'ana').press('Enter');
    await expectNewest(page, 'luis', ['first\nsecond']);
    expect(await texts(page, 'luis')).not.toContain('');
  });

  test('the bot answers also what somebody has seen over its shoulder before a reload', async () => {
    const { page } = await site.open();
    await live(page, ...everybody);
    await panel(page, 'bot').locator('.log').click();
    await write(page, 'ana', 'do you see me');
    await panel(page, 'bot').locator('.log').click();
    await expectNewest(page, 'bot', ['do you see me']);
    await page.reload();
    await live(page, ...everybody);
    const answers = async () => (await site.log()).filter(({ text }) => text?.includes('do you see me')).map(({ sender }) => sender);
    await expect.poll(answers, patient).toEqual(['ana', 'bot']);
  });

  test('messages written without a connection wait, then arrive once and in order', async () => {
    const { page } = await site.open();
    await live(page, ...everybody);
    const cable = fault(page, 'ana', 'cut');
    await cable.click();
    await expect.poll(() => state(page, 'ana'), patient).toBe('Offline');
    await write(page, 'ana', 'in the tunnel 1', 'in the tunnel 2');
    await expectMarks(page, 'ana', ['Waiting to be sent', 'Waiting to be sent']);
    await write(page, 'luis', 'are you there?');
    await expectNewest(page, 'luis', ['are you there?']);

    await cable.click();
    await live(page, 'ana');
    const expected = ['are you there?', 'in the tunnel 1', 'in the tunnel 2'];
    await expectNewest(page, 'luis', expected);
    await expectNewest(page, 'ana', expected);
    expect((await texts(page, 'luis')).filter((text) => text === 'in the tunnel 1')).toHaveLength(1);
  });
});

describe('one person in each window', () => {
  test('messages and marks travel both ways', async () => {
    const ana = await site.open('/?user=ana');
    const luis = await site.open('/?user=luis');
    await live(ana.page, 'ana');
    await live(luis.page, 'luis');
    expect(await ana.page.locator('.panel').count()).toBe(1);
    await write(ana.page, 'ana', 'from window one', 'and again');
    await expectNewest(luis.page, 'luis', ['from window one', 'and again']);
    await expectMarks(ana.page, 'ana', ['Read', 'Read']);
    await write(luis.page, 'luis', 'from window two');
    await expectNewest(ana.page, 'ana', ['from window one', 'and again', 'from window two']);
    await expectMarks(luis.page, 'luis', ['Read']);
    expect([...ana.complaints, ...luis.complaints]).toEqual([]);
  });

  test('each panel links to its window, and the window back', async () => {
    const { page } = await site.open();
    const [opened] = await Promise.all([page.context().waitForEvent('page'), panel(page, 'luis').locator('.alone').click()]);
    await live(opened, 'luis');
    expect(new URL(opened.url()).search).toBe('?user=luis');
    await opened.locator('#all').click();
    await live(opened, ...everybody);
  });

  test('somebody unknown is told so', async () => {
    const { page } = await site.open('/?user=nobody');
    await expect.poll(() => page.locator('#failure').innerText(), patient).toBe('Nobody here is called nobody.');
  });
});

test('scrolling up loads the older messages to the first, in order and without a jump', async () => {
  const numbered = Array.from({ length: 250 }, (_, index) => `line ${index + 1}`);
  await site.send('ana', numbered);
  const { page } = await site.open('/?user=luis');
  await live(page, 'luis');
  await expectNewest(page, 'luis', ['line 250']);
  const log = panel(page, 'luis').locator('.log');
  expect((await texts(page, 'luis')).length).toBeLessThan(numbered.length);
  const first = panel(page, 'luis').locator('.entry').first();
  const before = await first.getAttribute('data-seq');
  await log.evaluate((element) => {
    element.scrollTop = 20;
  });
  await expect.poll(() => first.getAttribute('data-seq'), patient).not.toBe(before);
  const place = await panel(page, 'luis')
    .locator(`.entry[data-seq="${before}"]`)
    .evaluate((row) => row.getBoundingClientRect().top);
  expect(place).toBeGreaterThan(0);
  expect(place).toBeLessThan(desktop.height);

  await expect
    .poll(async () => {
      await log.evaluate((element) => {
        element.scrollTop = 0;
      });
      return first.getAttribute('data-seq');
    }, patient)
    .toBe('1');
  const seqs = await panel(page, 'luis')
    .locator('.entry')
    .evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.seq)));
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  expect((await texts(page, 'luis')).slice(-numbered.length)).toEqual(numbered);
  await expect.poll(() => panel(page, 'luis').locator('.start').innerText(), patient).toBe('The beginning of this conversation');
});

test('a reader who is further up is not moved, and told of what is new', async () => {
  const { page } = await site.open();
  await live(page, ...everybody);
  await input(page, 'luis').focus();
  const log = panel(page, 'luis').locator('.log');
  await log.evaluate((element) => {
    element.scrollTop = element.scrollHeight / 3;
  });
  const newer = panel(page, 'luis').locator('.newer');
  const top = await log.evaluate((element) => element.scrollTop);
  await write(page, 'ana', 'news');
  await expect.poll(() => newer.isVisible(), patient).toBe(true);
  expect(await log.evaluate((element) => element.scrollTop)).toBe(top);
  await newer.click();
  await expect.poll(() => newer.isVisible(), patient).toBe(false);
  await expect
    .poll(() => log.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight), patient)
    .toBeLessThan(2);
});
