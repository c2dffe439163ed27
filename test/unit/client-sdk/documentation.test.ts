// Every name that the SDK exports, and every member of it, says what it is: editors show these comments, and the reference is
// made of them.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const folder = path.resolve(import.meta.dirname, '../../../client-sdk');
const entries = ['index.ts', 'remedies.ts', 'store/index.ts', 'store/indexed-db.ts', 'react/index.ts'];

/** Files behind an entry and the names taken from each; undefined for all of them. */
function exportsOf(entry: string): [file: string, names: string[] | undefined][] {
  const text = readFileSync(path.join(folder, entry), 'utf8');
  const lists = [...text.matchAll(/^export (?:type )?(?:\*|\{([^}]*)\}) from '(\.[^']+)'/gm)];
  const own = /^export (?!type \*|\*|\{|type \{)/m.test(text) ? [[entry, undefined] as [string, undefined]] : [];
  const taken = lists.map(([, names, file]): [string, string[] | undefined] => [
    path.join(path.dirname(entry), file as string),
    names?.split(',').map((name) => name.trim().replace(/^type /, '')),
  ]);
  return [...own, ...taken.filter(([file]) => !file.startsWith('../'))];
}

/** Lines that declare something public and have no comment above them. */
function bare(file: string, names: string[] | undefined): string[] {
  const lines = readFileSync(path.join(folder, file), 'utf8').split('\n');
  const missing: string[] = [];
  let inside: string | undefined;
  for (const [at, line] of lines.entries()) {
    const name = /^export (?:abstract |async )?(?:interface|class|type|const|function\*?) (\w+)/.exec(line)?.[1];
    if (name) {
      const wanted = !names || names.includes(name);
      inside =
        wanted && /^export (?:abstract )?(?:interface|class) |= \{$|^export type .*[&=] \{$/.test(line) && !line.includes('const')
          ? name
          : undefined;
      if (wanted && !isDocumented(lines, at)) missing.push(`${file}: ${name}`);
    } else if (line.startsWith('}')) inside = undefined;
    const member = /^ {2}(?:readonly |async |get |override )*['"]?([a-zA-Z][\w:]*)['"]?\??[(<:]/.exec(line)?.[1];
    if (inside && member && !isDocumented(lines, at)) missing.push(`${file}: ${inside}.${member}`);
  }
  return missing;
}

/** Directly, or as an overload, a setter or the like of what is. */
const isDocumented = (lines: string[], at: number): boolean => /\*\/$/.test(lines[at - 1] ?? '');

describe.each(entries.filter((entry) => existsSync(path.join(folder, entry))))('%s', (entry) => {
  test('says of every name and member what it is', () => {
    const files = exportsOf(entry);
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(([file, names]) => bare(file, names))).toEqual([]);
  });
});

test('a missing comment is noticed', () => {
  expect(bare('../client-sdk/keepalive.ts', ['Keepalive'])).toContain('../client-sdk/keepalive.ts: Keepalive');
});
