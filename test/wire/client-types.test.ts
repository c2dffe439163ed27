// The types beside the served modules, as an editor, a compiler or Deno gets them: over HTTP, complete, and of these modules.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HttpFixture } from '../support/http.ts';

const http = new HttpFixture();
const folder = mkdtempSync(path.join(tmpdir(), 'utalk-page-'));
const root = path.resolve(import.meta.dirname, '../..');
const tsc = path.join(root, 'node_modules/.bin/tsc');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
beforeAll(() => http.start());
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await http.close();
});

/** What the compiler says of a script of a page, with the settings of the README. */
async function compile(script: string, name: string): Promise<string> {
  const shown = /^```json\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';
  const settings = shown.replace('http://localhost:3002/client.js', `http://localhost:${http.port}/${name}.js`);
  writeFileSync(path.join(folder, 'tsconfig.json'), settings.replace('./client.d.ts', `./${name}.d.ts`));
  writeFileSync(path.join(folder, 'page.ts'), script.replaceAll('http://host', `http://localhost:${http.port}`));
  const { stdout } = await promisify(execFile)(tsc, ['-p', folder, '--noEmit', '--strict']).catch((error: { stdout: string }) => error);
  return stdout;
}

describe.each(['client', 'client-stores'])('%s', (name) => {
  test('the module says where its types are, and they are there', async () => {
    const { headers } = await http.get(`/${name}.js`);
    const types = await http.get(headers['x-typescript-types'] as string);
    expect(types.status).toBe(200);
    expect(types.headers['content-type']).toBe('application/typescript; charset=utf-8');
    expect((await http.get(`/${name}.d.ts`, { 'if-none-match': types.headers.etag })).status).toBe(304);
  });

  test('they import nothing, so nothing can be missing', async () => {
    const { text } = await http.get(`/${name}.d.ts`);
    expect(text.length).toBeGreaterThan(10_000);
    expect(text).not.toMatch(/\bimport\b\s*[{(*"']|\bfrom\s*["']|<reference/);
    writeFileSync(path.join(folder, `${name}.d.ts`), text);
  });

  test('they declare what the module exports', async () => {
    const code = (await http.get(`/${name}.js`)).text;
    const module = await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
    const { text } = await http.get(`/${name}.d.ts`);
    const declared = [...text.matchAll(/^export declare (?:const|function|class) (\w+)/gm)].map(([, value]) => value);
    expect([...new Set(declared)].sort()).toEqual(Object.keys(module).sort());
  });
});

test('a script of a page compiles with them, and its mistakes do not', async () => {
  const script = `
    import { createClient, type Entry, UTalkError } from 'http://host/client.js';
    const client = createClient({ url: 'ws://localhost:3001', auth: async ({ reason }) => (reason === 'connect' ? 'token' : null) });
    client.on('state', ({ name }) => document.title = name);
    client.on('user:connected', ({ userId }) => userId.trim());
    const entry: Entry | undefined = (await client.command('conversation:history', { conversationId: 'demo' })).entries[0];
    client.conversation('demo').send('Hello').acked.catch((error) => error instanceof UTalkError && error.retryable);
    // @ts-expect-error there is no such state
    export const wrong = client.state === 'alive';
    // @ts-expect-error an entry's text is no number
    export const number: number = entry?.text;
    // @ts-expect-error the id is missing
    await client.command('conversation:history', {});
  `;
  expect(await compile(script, 'client')).toBe('');
  expect(await compile(script.replace('name)', 'names)'), 'client')).toContain('names');
});

test('so does one that keeps messages over a reload', async () => {
  const script = `
    import { type ClientStore, createClient, indexedDbStore, localStorageStore, persistent } from 'http://host/client-stores.js';
    const stores = [localStorageStore(), indexedDbStore(), persistent({} as ClientStore)];
    export const clients = stores.map((store) => createClient({ url: 'ws://localhost:3001', auth: '', store }));
    // @ts-expect-error a store of one's own goes through persistent()
    createClient({ url: '', auth: '', store: {} as ClientStore });
  `;
  expect(await compile(script, 'client-stores')).toBe('');
});
