// The page of the README, as it stands there, from an origin of its own.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { createClient } from '../../client-sdk/index.ts';
import { launchBrowser, openPage } from '../support/browser.ts';
import { freePort, startUtalk, temporaryDataDir } from '../support/processes.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

test('the ten lines of HTML send and show messages, also those written while the server is away', async () => {
  const data = temporaryDataDir();
  const [port, httpPort, pagePort] = [await freePort(), await freePort(), await freePort()];
  const serve = () =>
    startUtalk(['serve'], {
      PORT: String(port),
      HTTP_PORT: String(httpPort),
      UTALK_DATA_DIR: data.directory,
      UTALK_DRAIN_WINDOW_MS: '0',
      ALLOWED_ORIGINS: `http://localhost:${pagePort}`,
    });
  let server = serve();
  const token = (await server.line((line) => line.startsWith('Token:'))).replace(/^Token: +/, '');
  const shown = /^```html\n([\s\S]*?)^```$/m.exec(readme)![1]!;
  expect(shown.trim().split('\n')).toHaveLength(10);
  const html = shown
    .replace('http://localhost:3002', `http://localhost:${httpPort}`)
    .replace('ws://localhost:3001', `ws://localhost:${port}`)
    .replace("'TOKEN'", `'${token}'`);
  /** What the server has stored, up to a text that it will have. */
  const storedUntil = async (last: string) => {
    const client = createClient({ url: `ws://localhost:${port}`, auth: token });
    await client.connect();
    const texts: unknown[] = [];
    for await (const { text } of client.conversation('demo').messages({ afterSeq: 0 })) {
      texts.push(text);
      if (text === last) break;
    }
    client.close();
    return texts;
  };
  const site = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.statusCode = request.url === '/' ? 200 : 204;
    response.end(request.url === '/' ? html : undefined);
  }).listen(pagePort);
  const browser = await launchBrowser();
  try {
    const { page, complaints } = await openPage(await browser.newContext(), `http://localhost:${pagePort}/`);
    const lines = async () => (await page.locator('pre').innerText()).split('\n');
    const input = page.locator('input');
    await expect.poll(lines, { timeout: 20_000 }).toEqual([expect.stringMatching(/^luis: /)]);
    await input.fill('Hello from my own page');
    await input.press('Enter');
    await expect.poll(lines, { timeout: 20_000 }).toEqual([expect.stringMatching(/^luis: /), 'ana: Hello from my own page']);
    expect(await input.inputValue()).toBe('');
    expect(complaints).toEqual([]);
    server.process.kill('SIGTERM');
    await server.ended;
    await input.fill('Nobody hears this yet');
    await input.press('Enter');
    server = serve();
    await server.line((line) => line.startsWith('Stop:'));
    const written = ['Hello from my own page', 'Nobody hears this yet'];
    expect((await storedUntil('Nobody hears this yet')).slice(1)).toEqual(written);
    expect((await lines()).slice(1)).toEqual(written.map((text) => `ana: ${text}`));
  } finally {
    await browser.close();
    site.close();
    server.process.kill('SIGTERM');
    await server.ended;
    await data.remove();
  }
});
