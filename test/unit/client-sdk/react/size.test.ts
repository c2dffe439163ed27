// The hooks are thin: what they add to a page that has the client already.

import { expect, test } from 'vitest';
import { coreEntry, sizeOfFile } from '../../../../script/bundle-size.ts';

test('the hooks add less than 3 kB to the core, and bring no React', async () => {
  const [core, hooks] = await Promise.all([sizeOfFile(coreEntry), sizeOfFile('client-sdk/react/index.ts')]);
  expect(hooks.gzipBytes - core.gzipBytes).toBeLessThan(3_000);
  expect(hooks.modules.map(([file]) => file).filter((file) => file.includes('node_modules'))).toEqual([]);
});
