// The packed client in every runtime it is for, each running the same file against the real server: it connects, sends,
// receives, comes back after a cut, reads history and ends. Deno has no permission but the network. For Chromium see
// test/browser/packages.test.ts.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilePackages, installPackedClient } from '../support/packed-client.ts';
import { type Running, startCommand } from '../support/processes.ts';
import { TalkPlace, talkWith } from '../support/talk.ts';

const runtimes = path.resolve(import.meta.dirname, '../../node_modules/.cache/runtimes/node_modules');
const folder = mkdtempSync(path.join(tmpdir(), 'utalk-runtimes-'));
let app: string;
let place: TalkPlace;

beforeAll(async () => {
  place = await TalkPlace.open();
  await compilePackages(path.join(folder, 'compiled'));
  app = await installPackedClient(path.join(folder, 'compiled'), folder);
  writeFileSync(path.join(app, 'talk.ts'), talkWith('utalk-realtime-client'));
});
afterAll(async () => {
  await place?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A file of the package for this platform, which is an optional dependency of `name`. */
function programOf(name: string, file: string): string {
  const manifest = path.join(runtimes, name, 'package.json');
  const { optionalDependencies } = JSON.parse(readFileSync(manifest, 'utf8')) as { optionalDependencies: Record<string, string> };
  const { resolve } = createRequire(manifest);
  for (const platform of Object.keys(optionalDependencies)) {
    try {
      return path.join(path.dirname(resolve(`${platform}/package.json`)), file);
    } catch {}
  }
  throw new Error(`${name} is not there: run test/runtimes/install`);
}

function start(command: string, args: readonly string[]): Running {
  const environment = { DENO_DIR: path.join(folder, 'deno'), DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' };
  return startCommand(command, args, environment, app);
}

async function talks(command: string, ...words: string[]): Promise<void> {
  const program = start(command, [...words, ...(await place.arguments())]);
  await place.follow(program.line);
  expect(await program.ended).toBe(0);
}

test('Node', () => talks(process.execPath, 'talk.ts'));

test('Bun', () => talks(programOf('bun', 'bin/bun'), 'run', 'talk.ts'));

describe('Deno', () => {
  const checked = ['run', '--check', '--no-prompt', '--allow-net'];

  test('with the package', () => talks(programOf('deno', 'deno'), ...checked, 'talk.ts'));

  test('with the module that the server serves, and its types', async () => {
    const deno = programOf('deno', 'deno');
    const allowed = `--allow-import=${new URL(place.httpUrl).host}`;
    const served = talkWith(`${place.httpUrl}/client.js`);
    writeFileSync(path.join(app, 'served.ts'), served);
    await talks(deno, ...checked, allowed, 'served.ts');
    writeFileSync(path.join(app, 'wrong.ts'), served.replace('afterSeq: 0 });\nana', 'afterSeq: "0" });\nana'));
    const wrong = start(deno, ['check', allowed, 'wrong.ts']);
    expect(await wrong.ended).toBe(1);
    expect(wrong.errors()).toContain("Type 'string' is not assignable to type 'number'");
  });
});
