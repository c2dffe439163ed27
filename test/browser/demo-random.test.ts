// A minute of a hostile hand: 200 presses on the demo's buttons in an order that a seed decides, with people writing all the
// while. Afterwards nothing is lost, doubled or out of order, and every panel shows what the server has stored.

import { randomInt } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../client-sdk/testing/index.ts';
import { screenshot } from '../support/browser.ts';
import { allWell, DemoSite, everybody, fault, live, panel, people, queue, write } from '../support/demo-site.ts';

const seed = Number(process.env.UTALK_DEMO_SEED ?? randomInt(2 ** 31));
const presses = 200;
const pressesOfEach = 10;
const paceMs = 300;
/** For everything to come to rest after the last press. */
const restful = { timeout: 60_000, interval: 250 };

let site: DemoSite;

beforeAll(async () => {
  site = await DemoSite.startKillable();
});
afterAll(() => site?.close());

test(`200 presses of seed ${seed} lose, double and reorder nothing`, { timeout: 300_000 }, async () => {
  const { page } = await site.open();
  await live(page, ...everybody);
  const verdicts = await watchLine(page);
  const kills = countKills(page);
  const random = seededRandom(seed);
  const plan = planned(random);
  const written = new Map<string, string[]>(people.map((user) => [user, []]));
  const started = Date.now();
  for (const [index, press] of plan.entries()) {
    await page.locator(press).click();
    if (press === '#everybody') for (const [user, texts] of written) texts.push(...tenFrom(user));
    const user = people[Math.floor(random() * people.length)]!;
    const text = `between ${index} and ${index + 1}`;
    await write(page, user, text);
    written.get(user)!.push(text);
    await page.waitForTimeout(Math.max(0, started + (index + 1) * paceMs - Date.now()));
  }
  const tookS = (Date.now() - started) / 1_000;
  await mendAll(page);
  await rested(page);

  const log = await site.log();
  const stored = log.map(({ seq, text = '' }) => `${seq} ${text}`);
  for (const user of everybody) await expect.poll(() => wholeLog(page, user), restful).toEqual(stored);
  expect(new Set(log.map(({ sender, messageId }) => `${sender} ${messageId}`)).size).toBe(log.length);
  // Each once, in the order they were written in. The first entry is the server's greeting in the name of Luis.
  for (const [user, texts] of written)
    expect(log.slice(1).flatMap(({ sender, text = '' }) => (sender === user ? [text] : []))).toEqual(texts);
  const messages = [...written.values()].flat().length;
  expect(messages).toBeGreaterThanOrEqual(300);
  expect(await verdicts()).toEqual([allWell]);
  await expect.poll(() => site.awayMs.length, restful).toBe(kills());
  expect(kills()).toBeGreaterThan(0);
  await screenshot(page, 'demo-after-a-random-minute');
  report(plan, tookS, messages, log.length, await page.locator('#line').innerText());
});

/** @returns all texts that the line has shown since */
async function watchLine(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const line = document.querySelector<HTMLElement>('#line .verdict')!;
    window.verdicts = new Set([line.innerText]);
    new MutationObserver(() => window.verdicts.add(line.innerText)).observe(line, { childList: true, characterData: true, subtree: true });
  });
  return () => page.evaluate(() => [...window.verdicts]);
}

/** @returns how many presses have met a server that was there to be killed */
function countKills(page: Page): () => number {
  let kills = 0;
  page.on('response', (response) => {
    if (response.url().endsWith('/demo/kill') && response.status() === 202) kills++;
  });
  return () => kills;
}

/** What one person writes when everybody writes ten. */
function tenFrom(user: string): string[] {
  const name = user.slice(0, 1).toUpperCase() + user.slice(1);
  return Array.from({ length: 10 }, (_, index) => `${index + 1} of 10 from ${name}`);
}

/** Every button ten times, the rest as it falls, in an order of the seed. */
function planned(random: () => number): string[] {
  const faults = ['cut', 'lose-ack', 'double', 'sleep'];
  const buttons = [
    '#kill',
    '#everybody',
    ...everybody.flatMap((user) => faults.map((name) => `.panel[data-user="${user}"] [data-fault="${name}"]`)),
  ];
  const plan = buttons.flatMap((button) => Array.from({ length: pressesOfEach }, () => button));
  while (plan.length < presses) plan.push(buttons[Math.floor(random() * buttons.length)]!);
  for (let last = plan.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [plan[last], plan[other]] = [plan[other]!, plan[last]!];
  }
  return plan;
}

async function mendAll(page: Page): Promise<void> {
  for (const user of everybody) {
    const cut = fault(page, user, 'cut');
    if ((await cut.getAttribute('aria-pressed')) === 'true') await cut.click();
  }
}

/** All live, nothing on its way, and the bot has nothing left to answer. */
async function rested(page: Page): Promise<void> {
  for (const user of everybody) {
    await live(page, user);
    await expect.poll(() => queue(page, user), restful).toBe('0');
  }
  const answers = async () => {
    const log = await site.log();
    const asked = log.filter(({ senderRole, type }) => senderRole === 'customer' && type === 'text').length;
    return asked - log.filter(({ senderRole }) => senderRole === 'bot').length;
  };
  await expect.poll(answers, { ...restful, interval: 1_000 }).toBe(0);
}

/** Seq and text of every row of a panel, scrolled to its beginning. */
async function wholeLog(page: Page, user: string): Promise<string[]> {
  await panel(page, user)
    .locator('.log')
    .evaluate((log) => {
      log.scrollTop = 0;
    });
  return panel(page, user)
    .locator('.entry')
    .evaluateAll((rows) => rows.map((row) => `${(row as HTMLElement).dataset.seq} ${row.querySelector('.text')?.textContent}`));
}

function report(plan: readonly string[], tookS: number, written: number, stored: number, line: string): void {
  const times = (part: string) => plan.filter((press) => press.includes(part)).length;
  const pressed = ['kill', 'everybody', 'cut', 'lose-ack', 'double', 'sleep'].map((name) => `${name} ${times(name)}`).join(', ');
  const away = `the server was away ${site.awayMs.join(', ')} ms`;
  console.info(`seed ${seed}: ${pressed} in ${tookS.toFixed(1)} s; ${away}`);
  console.info(`${written} messages of people, ${stored} entries stored; ${line.replaceAll(/\n+/g, '; ')}`);
}

declare global {
  interface Window {
    verdicts: Set<string>;
  }
}
