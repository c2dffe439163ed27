// What applications import: every entry of the package has its source, types come first, and the documents name no other.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ownEntries } from '../script/bundle-size.ts';

interface Manifest {
  name: string;
  exports: Record<string, string | Record<string, string>>;
}

const root = resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const { name, exports } = JSON.parse(read('package.json')) as Manifest;
const compiled = Object.entries(exports).filter((entry): entry is [string, Record<string, string>] => typeof entry[1] === 'object');

test.each(compiled)('%s has types first, and a source', (_, conditions) => {
  expect(Object.keys(conditions)).toEqual(['types', 'default']);
  const source = conditions.default?.replace('./dist/', '').replace(/\.js$/, '.ts') ?? '';
  expect(conditions.types).toBe(`./dist/${source.replace(/\.ts$/, '.d.ts')}`);
  expect(existsSync(join(root, source)), source).toBe(true);
});

test('every entry of the client is there under the name that its size is measured by', () => {
  const shipped = compiled.filter(([entry]) => entry.startsWith('./client'));
  const sources = shipped.map(([entry, { default: file }]) => [
    entry.replace('.', name),
    file?.replace('./dist/', '').replace('.js', '.ts'),
  ]);
  expect(sources.sort()).toEqual(
    ownEntries()
      .map((entry) => [...entry])
      .sort(),
  );
});

test('the documents import what there is', () => {
  const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)].filter((file) => file.endsWith('.md'));
  const named = documents.flatMap((file) =>
    [...read(file).matchAll(/utalk-realtime(\/(?:client|protocol)[\w/-]*)/g)].map(([, entry]) => `.${entry}`),
  );
  expect(named).toContain('./client/testing');
  expect(named.filter((entry) => !(entry in exports))).toEqual([]);
});
