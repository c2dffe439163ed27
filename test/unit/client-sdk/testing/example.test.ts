// The example of a test: it stands in the README as it is in examples/, and passes.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test, vi } from 'vitest';

const root = resolve(import.meta.dirname, '../../../..');
const file = join(root, 'examples/lost-ack.ts');

test('the README shows it as it is', () => {
  const [, ...code] = readFileSync(file, 'utf8').split('\n\n');
  const shown = code
    .join('\n\n')
    .replace('../client-sdk/index.ts', 'utalk-realtime/client')
    .replace('../client-sdk/testing/index.ts', 'utalk-realtime/client/testing');
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`\`\`\`ts\n${shown}\`\`\``);
});

test('it passes, and says why the client was not live', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  await expect(import(file)).resolves.toBeDefined();
  expect(warn.mock.calls.flat().join(' ')).toContain('not live');
  warn.mockRestore();
});
