// The package of the client alone: what an application gets that installs it, and nothing else.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.ts';
import { compilePackages, installPackedClient } from '../support/packed-client.ts';
import { TalkPlace, talkWith } from '../support/talk.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'utalk-packages-'));
/** Where the package of the whole has its files. */
const compiled = path.join(folder, 'whole/dist');
const app = path.join(folder, 'app');
const exec = promisify(execFile);
const run = (command: string, args: string[], cwd = app) => exec(command, args, { cwd });
const tsc = path.join(root, 'node_modules/.bin/tsc');
const types = path.join(root, 'node_modules/@types');

/** What the compiler has to say of a file in the application; the declarations it imports are checked as well. */
async function compile(file: string, code: string, more = ['--types', '']): Promise<string> {
  writeFileSync(path.join(app, file), code);
  const options = ['--strict', '--noEmit', '--module', 'NodeNext', '--target', 'ES2024', '--lib', 'ES2024,DOM,DOM.Iterable'];
  const { stdout } = await run(tsc, [file, ...more, ...options]).catch((error: { stdout: string }) => error);
  return stdout;
}

beforeAll(async () => {
  await compilePackages(compiled);
  await installPackedClient(compiled, folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('it comes alone', () => {
  expect(readdirSync(path.join(app, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['utalk-realtime-client']);
});

test('the example of a test passes with it', async () => {
  const example = readFileSync(path.join(root, 'examples/lost-ack.ts'), 'utf8')
    .replace('../client-sdk/index.ts', 'utalk-realtime-client')
    .replace('../client-sdk/testing/index.ts', 'utalk-realtime-client/testing');
  writeFileSync(path.join(app, 'lost-ack.js'), example);
  await run(process.execPath, ['lost-ack.js']);
});

test.each(['', '/remedies', '/store', '/store-indexeddb', '/testing'])('the entry %s loads', async (entry) => {
  const code = `import * as names from 'utalk-realtime-client${entry}'; console.log(Object.keys(names).length);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code]);
  expect(Number(stdout)).toBeGreaterThan(0);
});

test('its types are complete without any other package, and tell right from wrong', async () => {
  const code = `
    import { createClient } from 'utalk-realtime-client';
    import { localStorageStore } from 'utalk-realtime-client/store';
    import { MemoryServer } from 'utalk-realtime-client/testing';
    const client = createClient({ ...new MemoryServer().options('ana'), store: localStorageStore() });
    const [entry] = client.conversation('talk').entries;
    export const text: string | undefined = entry?.text;
    client.on('user:connected', ({ userId }) => userId.trim());
    export const head: number = (await client.command('conversation:history', { conversationId: 'talk' })).head;
    // @ts-expect-error an entry's text is no number
    export const wrong: number = entry?.text;
    // @ts-expect-error the id is missing
    await client.command('conversation:history', {});
  `;
  expect(await compile('app.ts', code)).toBe('');
});

test('the hooks load beside the React of the application, with their types', async () => {
  mkdirSync(path.join(app, 'node_modules/@types'));
  for (const name of ['react', '@types/react', 'csstype'])
    symlinkSync(path.join(root, 'node_modules', name), path.join(app, 'node_modules', name));
  const code = `import { useConversation } from 'utalk-realtime-client/react'; console.log(typeof useConversation);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code]);
  expect(stdout.trim()).toBe('function');
  const component = `
    import { useConversation } from 'utalk-realtime-client/react';
    export const Chat = (): string => useConversation('talk').entries.map(({ sender }) => sender).join();
    // @ts-expect-error the id is missing
    export const Wrong = () => useConversation();
  `;
  expect(await compile('chat.ts', component)).toBe('');
});

test('the whole package brings the types of its commands to a client', async () => {
  const whole = path.dirname(compiled);
  writeFileSync(path.join(whole, 'package.json'), readFileSync(path.join(root, 'package.json')));
  symlinkSync(path.join(root, 'node_modules'), path.join(whole, 'node_modules'));
  symlinkSync(whole, path.join(app, 'node_modules/utalk-realtime'));
  const [server, client] = ['orders.ts', 'orders-client.ts'].map((name) =>
    readFileSync(path.join(root, 'examples', name), 'utf8')
      .replace('../server/index.ts', 'utalk-realtime')
      .replace('../client-sdk/index.ts', 'utalk-realtime/client')
      .replace('./orders.ts', './orders.js'),
  );
  writeFileSync(path.join(app, 'orders.ts'), server ?? '');
  expect(await compile('orders-client.ts', client ?? '', ['--skipLibCheck', '--types', 'node', '--typeRoots', types])).toBe('');
  const wrong = (client ?? '').replace("item: 'pan'", 'item: 7');
  expect(await compile('wrong-client.ts', wrong, ['--skipLibCheck', '--types', 'node', '--typeRoots', types])).toContain(
    "Type 'number' is not assignable to type 'string'",
  );
});

test('it talks in Chromium from a bundle, on a page that lets nothing else run', async () => {
  const site = createServer((request, response) => {
    const isScript = request.url === '/talk.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.setHeader('content-security-policy', `default-src 'none'; script-src 'self'; img-src data:; connect-src ${place.wsUrl}`);
    response.end(
      isScript ? readFileSync(path.join(app, 'talk.js')) : '<link rel="icon" href="data:,"><script type="module" src="/talk.js"></script>',
    );
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const place = await TalkPlace.open([origin]);
  const browser = await launchBrowser();
  try {
    writeFileSync(path.join(app, 'talk.ts'), talkWith('utalk-realtime-client'));
    const define = { 'process.argv': JSON.stringify(['', '', ...(await place.arguments())]) };
    await build({ entryPoints: ['talk.ts'], absWorkingDir: app, outfile: 'talk.js', bundle: true, format: 'esm', define });
    const context = await browser.newContext();
    const said = (passes: (line: string) => boolean) => context.waitForEvent('console', (message) => passes(message.text()));
    const followed = place.follow(async (passes) => (await said(passes)).text());
    const [{ complaints }] = await Promise.all([openPage(context, origin), followed]);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
    site.close();
    await place.close();
  }
});
