// The page of the README, as it stands there, from an origin of its own.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.ts';
import { freePort, startUtalk, temporaryDataDir } from '../support/processes.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

test('the ten lines of HTML send and show messages', async () => {
  const data = temporaryDataDir();
  const [port, httpPort, pagePort] = [await freePort(), await freePort(), await freePort()];
  const server = startUtalk(['serve'], {
    PORT: String(port),
    HTTP_PORT: String(httpPort),
    UTALK_DATA_DIR: data.directory,
    UTALK_DRAIN_WINDOW_MS: '0',
    ALLOWED_ORIGINS: `http://localhost:${pagePort}`,
  });
  const token = (await server.line((line) => line.startsWith('Token:'))).replace(/^Token: +/, '');
  const html = /^```html\n([\s\S]*?)^```$/m
    .exec(readme)![1]!
    .replace('http://localhost:3002', `http://localhost:${httpPort}`)
    .replace('ws://localhost:3001', `ws://localhost:${port}`)
    .replace("'TOKEN'", `'${token}'`);
  const site = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.statusCode = request.url === '/' ? 200 : 204;
    response.end(request.url === '/' ? html : undefined);
  }).listen(pagePort);
  const browser = await launchBrowser();
  try {
    const { page, complaints } = await openPage(await browser.newContext(), `http://localhost:${pagePort}/`);
    await expect.poll(() => page.locator('li').allInnerTexts(), { timeout: 20_000 }).toHaveLength(1);
    await page.locator('#text').fill('Hello from my own page');
    await page.locator('#text').press('Enter');
    await expect.poll(() => page.locator('li').allInnerTexts(), { timeout: 20_000 }).toContain('ana: Hello from my own page');
    expect(await page.locator('#text').inputValue()).toBe('');
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
    site.close();
    server.process.kill('SIGTERM');
    await server.ended;
    await data.remove();
  }
});
