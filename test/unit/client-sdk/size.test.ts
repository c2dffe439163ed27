// What the SDK adds to a page does not creep up; `script/sizes` prints the table, `script/sizes --modules` the shares.

import { expect, test } from 'vitest';
import { coreCeilingBytes, coreEntry, ownEntries, sizeOfFile } from '../../../script/bundle-size.ts';

test('the core stays below its ceiling, and carries neither stores nor tests', async () => {
  const { gzipBytes, modules } = await sizeOfFile(coreEntry);
  expect(gzipBytes).toBeLessThanOrEqual(coreCeilingBytes);
  expect(modules.filter(([file]) => /\/(store|testing|react)\/|remedies/.test(file))).toEqual([]);
});

test('every entry can be bundled', async () => {
  for (const [name, file] of ownEntries()) expect((await sizeOfFile(file)).gzipBytes, name).toBeGreaterThan(100);
});
