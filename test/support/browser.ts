// Debian's Chromium through playwright-core, and what every page test asks of a page.

import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const chromiumNames = ['chromium', 'chromium-browser', 'google-chrome'];
const outputFolder = new URL('../../test-output/', import.meta.url).pathname;

/** WCAG 2.1 levels A and AA. */
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

export const phone = { width: 390, height: 844 } as const;
export const desktop = { width: 1280, height: 800 } as const;

/** A browser that talks to nobody but the test. The caller closes it. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

function findChromium(): string {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = chromiumNames.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  const found = process.env.CHROMIUM_PATH ?? candidates.find((file) => existsSync(file));
  if (!found) throw new Error('no Chromium on PATH: apt-get install chromium, or set CHROMIUM_PATH');
  return found;
}

export interface WatchedPage {
  page: Page;
  /** Console errors and warnings, exceptions, and failed requests, refusals by the content security policy among them. */
  complaints: string[];
}

export async function openPage(context: BrowserContext, url: string): Promise<WatchedPage> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('requestfailed', (request) => complaints.push(`request: ${request.url()} ${request.failure()?.errorText}`));
  await page.goto(url);
  return { page, complaints };
}

/** Pixels by which the page is wider than its window; 0 when nothing scrolls sideways. */
export function sidewaysPx(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return Math.max(0, scrollWidth - clientWidth, document.body.scrollWidth - document.body.clientWidth);
  });
}

/** What axe-core finds wrong, one line per element. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: 'tag', values: tags } }), rules);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help} (${target.join(' ')})`));
}

/** Writes test-output/<name>.png, which git ignores. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(outputFolder, { recursive: true });
  await page.screenshot({ path: `${outputFolder}${name}.png` });
}

declare global {
  interface Window {
    axe: typeof axe;
  }
}
