import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { developmentSecret, findDevelopmentSecret } from '../../server/development.ts';
import { StartError } from '../../server/errors.ts';

const run = promisify(execFile);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'utalk-key-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the key is made once, readable by its owner alone', () => {
  const dataDir = path.join(folder, 'new', 'deeper');
  expect(findDevelopmentSecret(dataDir)).toBeUndefined();
  const secret = developmentSecret(dataDir);
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  expect(developmentSecret(dataDir)).toBe(secret);
  expect(findDevelopmentSecret(dataDir)).toBe(secret);
  expect(readdirSync(dataDir)).toEqual(['development.key']);
  expect(statSync(path.join(dataDir, 'development.key')).mode & 0o777).toBe(0o600);
});

test('processes that ask at once get the same key', async () => {
  const dataDir = path.join(folder, 'shared');
  const module = new URL('../../server/development.ts', import.meta.url).href;
  const script = `import { developmentSecret } from ${JSON.stringify(module)}; process.stdout.write(developmentSecret(${JSON.stringify(dataDir)}));`;
  const runs = Array.from({ length: 4 }, () => run(process.execPath, ['--input-type=module', '-e', script]));
  const keys = (await Promise.all(runs)).map(({ stdout }) => stdout);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toBe(readFileSync(path.join(dataDir, 'development.key'), 'utf8').trim());
});

test('a key that others can read, or that is none, is refused with a remedy', () => {
  const dataDir = path.join(folder, 'bad');
  developmentSecret(dataDir);
  const file = path.join(dataDir, 'development.key');
  chmodSync(file, 0o644);
  expect(() => developmentSecret(dataDir)).toThrow(/chmod 600/);
  writeFileSync(file, 'short\n');
  chmodSync(file, 0o600);
  expect(() => developmentSecret(dataDir)).toThrow(/remove it/);
});

test('a directory that cannot be made is a StartError that names the setting', () => {
  const blocked = path.join(folder, 'file');
  writeFileSync(blocked, '');
  expect(() => developmentSecret(path.join(blocked, 'below'))).toThrow(StartError);
  expect(() => developmentSecret(path.join(blocked, 'below'))).toThrow(/UTALK_DATA_DIR/);
});
