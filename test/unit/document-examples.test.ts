// Every example in TypeScript that the documents show compiles as it stands, against the entries that applications import.
// Whole programs lie in examples/, where they are compiled and run.

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const folder = mkdtempSync(path.join(tmpdir(), 'utalk-examples-'));

/** What the examples leave to the reader. */
const given = `
  declare function fetchToken(): Promise<string>;
  declare const root: { render(node: unknown): void };
`;

const mistake = "import { createClient } from 'utalk-realtime-client';\ncreateClient({ url: 7, auth: '' });\n";

/** Examples that go on where the text before them has begun. */
const openings: Record<string, string> = {
  'function Chat() {': "import { UTalkProvider, useConversation } from 'utalk-realtime/client/react';\n",
};

/** Programs of examples/ as the documents show them: they are compiled and run where they are. */
const programs = readdirSync(path.join(root, 'examples')).map((name) => {
  const [, ...code] = read(`examples/${name}`).split('\n\n');
  return code
    .join('\n\n')
    .replace(/'\.\.\/(server|client-sdk)(\/\w+)?\/index\.ts'/g, (_path, part, entry = '') =>
      part === 'server' ? "'utalk-realtime'" : `'utalk-realtime/client${entry}'`,
    );
});

function examplesOf(document: string): [file: string, code: string][] {
  const blocks = [...read(document).matchAll(/^```(tsx?)\n([\s\S]*?)^```$/gm)].filter(([, , code]) => !programs.includes(code!));
  return blocks.map(([, extension, code = ''], at) => {
    const [first = ''] = code.split('\n');
    return [`${path.dirname(document)}-${at}.${extension}`, `${openings[first] ?? ''}${code}`];
  });
}

const examples = ['README.md', 'client-sdk/README.md'].flatMap(examplesOf);

/** Where the entries of the client have their sources, under the names of both packages. */
function entries(): Record<string, string[]> {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, { default: string }> };
  const ofClient = Object.entries(exports).filter(([entry]) => entry.startsWith('./client'));
  return Object.fromEntries(
    ofClient.flatMap(([entry, target]) => {
      const source = [path.join(root, target.default.replace('./dist/', '').replace(/\.js$/, '.ts'))];
      return ['utalk-realtime/client', 'utalk-realtime-client'].map((name) => [entry.replace('./client', name), source]);
    }),
  );
}

beforeAll(() => {
  const compilerOptions = {
    paths: entries(),
    types: ['node', 'react'],
    jsx: 'react-jsx',
    moduleDetection: 'force',
    noUnusedLocals: false,
  };
  const settings = { extends: path.join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts', '*.tsx'] };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  writeFileSync(path.join(folder, 'given.d.ts'), given);
  writeFileSync(path.join(folder, 'mistake.ts'), mistake);
  for (const [file, code] of examples) writeFileSync(path.join(folder, file), code);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the documents have examples', () => {
  expect(examples.length).toBeGreaterThan(5);
});

test('they compile, and one with a mistake does not', async () => {
  const { stdout } = await promisify(execFile)(path.join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch(
    (error: { stdout: string }) => error,
  );
  // Those of the sources are for others to find.
  const faults = stdout.split('\n').filter((line) => line.includes(`${path.basename(folder)}/`) && line.includes('error TS'));
  expect(faults).toEqual([expect.stringMatching(/mistake\.ts.*'number' is not assignable to type 'string'/)]);
}, 60_000);
