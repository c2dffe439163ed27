// What the documents say of the command line, the settings and the errors is compared with the code.

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { closeCodes, errorCodes } from '../../protocol/index.ts';
import { defineSettings, settingRows } from '../../server/config.ts';
import { createTokenVerifier } from '../../server/domain/tokens.ts';
import { sources } from '../support/architecture.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string) => readFileSync(path.join(root, name), 'utf8');
const readme = read('README.md');
const operations = read('docs/OPERATIONS.md');
const errors = read('docs/ERRORS.md');
const run = promisify(execFile);

function codeBlock(language: string, containing: string): string {
  const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const [, , code] = blocks.find(([, name, text]) => name === language && text!.includes(containing)) ?? [];
  return code!;
}

describe('README', () => {
  const secret = 'a secret of thirty-two bytes or so';

  const programs: [string, string, string, string][] = [
    ['Node', 'js', 'mjs', process.execPath],
    ['Python', 'python', 'py', 'python3'],
  ];
  const present = programs.filter(([, , , program]) => spawnSync(program, ['--version']).status === 0);

  test.each(present)('the token that the %s example signs is taken by the server', async (_name, language, extension, program) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'utalk-readme-'));
    try {
      const file = path.join(folder, `sign.${extension}`);
      writeFileSync(file, codeBlock(language, 'JWT_SECRET'));
      const { stdout } = await run(program, [file], { env: { PATH: process.env.PATH, HOME: process.env.HOME, JWT_SECRET: secret } });
      const verify = await createTokenVerifier(defineSettings({ jwtSecret: secret }));
      expect(await verify(stdout.trim())).toMatchObject({ id: 'ana', tenant: 'acme', role: 'customer', name: 'Ana', workspace: 'default' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(['README.md', 'docs/OPERATIONS.md', 'docs/ERRORS.md', 'CHANGELOG.md'])('every link of %s leads somewhere', (document) => {
    const folder = path.dirname(path.join(root, document));
    for (const [, target] of read(document).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [file, anchor] = target!.split('#');
      const absolute = file === '' ? path.join(root, document) : path.join(folder, file!);
      expect(existsSync(absolute), `${document}: ${target}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(absolute, 'utf8')), `${document}: ${target}`).toContain(anchor);
    }
  });

  test('every script it names exists', () => {
    for (const [, name] of readme.matchAll(/\b(script\/[a-z]+)\b/g)) expect(existsSync(path.join(root, name!)), name).toBe(true);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, name] of readme.matchAll(/npm run (?:--silent )?([a-z]+)/g)) expect(scripts).toHaveProperty(name!);
  });
});

function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

describe('OPERATIONS', () => {
  test('names every setting', () => {
    for (const { variable } of settingRows) expect(operations, variable).toContain(`\`${variable}\``);
  });

  test('names a file for every secret', () => {
    for (const { variable, secret } of settingRows) if (secret) expect(operations).toContain(`\`${variable}_FILE\``);
  });

  test('names every metric of the server, and no other', () => {
    const source = sources('server')
      .map(({ text }) => text)
      .join('\n');
    const registered = [...source.matchAll(/metrics\.(?:gauge|counter|labelled)\(\s*'([a-z_]+)'/g)].map(([, name]) => `utalk_${name}`);
    const documented = [...operations.matchAll(/`(utalk_[a-z_]+)/g)].map(([, name]) => name!);
    expect(registered.length).toBeGreaterThan(10);
    expect([...new Set(documented)].sort()).toEqual(registered.sort());
  });

  test('lists the commands that --help lists', async () => {
    const { stdout } = await run(process.execPath, [path.join(root, 'server/cli/main.ts'), '--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name]) => name!);
    const table = operations.slice(operations.indexOf('## Command line'));
    expect(listed.length).toBeGreaterThan(5);
    for (const name of listed) expect(table, name).toContain(`| \`${name}\` |`);
  });
});

describe('ERRORS', () => {
  test('has a section for every error code, which says whether to try again', () => {
    for (const [code, { retryable }] of Object.entries(errorCodes)) {
      const section = errors.split(/^### /m).find((text) => text.startsWith(`${code}\n`));
      expect(section, code).toMatch(retryable ? /^\w+\n\nRetryable/ : /^\w+\n\nNot retryable/);
      expect(section, code).toContain('**Remedy:**');
    }
  });

  test('has a section for every code that the SDK makes itself', () => {
    const own = [...read('client-sdk/errors.ts').matchAll(/super\(\s*'([A-Z_]+)'/g)].map(([, code]) => code!);
    expect(own).toContain('OUTBOX_FULL');
    for (const code of own) expect(errors).toContain(`### ${code}\n`);
  });

  test('has a row for every close code, with the anchor that the SDK points to', () => {
    for (const [code, { name, comeBack }] of Object.entries(closeCodes)) {
      const row = errors.split('\n').find((line) => line.startsWith(`| <a id="${code}"></a>${code} |`));
      expect(row, code).toContain(`| ${name} |`);
      expect(row!.includes('| no |'), code).toBe(!comeBack);
    }
  });
});
