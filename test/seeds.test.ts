// Every name of the original documents has its line in SEEDS.md, and what that line points at exists.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandOps, errorCodes, pushOps } from '../protocol/index.ts';
import { settingRows } from '../server/config/schema.ts';
import names from './seeds-names.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '..');
const document = readFileSync(join(root, 'docs/SEEDS.md'), 'utf8');

interface Line {
  seed: string;
  /** The names of the first cell. */
  names: string[];
  fate: string;
}

const spans = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span as string);

/** The rows of all tables, by the heading of their seed. */
function linesOf(markdown: string): Line[] {
  let seed = '';
  return markdown.split('\n').flatMap((line) => {
    seed = /^## (.+)$/.exec(line)?.[1] ?? seed;
    const cells = /^\| (`.+`) \| (.+) \|$/.exec(line);
    return cells ? [{ seed, names: spans(cells[1] as string), fate: cells[2] as string }] : [];
  });
}

const lines = linesOf(document);
const listed = Object.entries(names).flatMap(([seed, groups]) =>
  Object.entries(groups).map(([group, list]) => [seed, group, list] as const),
);

describe('the list of names', () => {
  test('is long enough to be the whole of it', () => {
    expect(Object.keys(names)).toEqual(['Realtime', 'Enterprise', 'Issue #16', 'SPEC-MSG-001', 'Checklist']);
    expect(listed.flatMap(([, , list]) => list).length).toBeGreaterThan(800);
  });

  test.each(listed)('%s, %s: each stands in SEEDS.md', (seed, _, list) => {
    const present = new Set(lines.filter((line) => line.seed === seed).flatMap((line) => line.names));
    expect(list.filter((name) => !present.has(name))).toEqual([]);
  });

  test('SEEDS.md has no name that is not in the documents', () => {
    const known = new Map(Object.entries(names).map(([seed, groups]) => [seed, new Set(Object.values(groups).flat())]));
    const strangers = lines.flatMap(({ seed, names: here }) => here.filter((name) => !known.get(seed)?.has(name)));
    expect(strangers).toEqual([]);
  });
});

const settings = new Set(settingRows.map(({ variable }) => variable));
const isPath = (span: string) =>
  /^(server|protocol|client-sdk|bench|test|script|docs|examples)\//.test(span) ||
  /^(Dockerfile|CHANGELOG\.md|package\.json|vitest\.config\.ts)$/.test(span);
const isEvent = (span: string) => span in commandOps || span in pushOps;
/** Something one can go and look at. */
const isPlace = (span: string) => isPath(span) || isEvent(span) || settings.has(span) || span in errorCodes || span.startsWith('utalk');

describe('the fates', () => {
  test('each line says where, when or why not', () => {
    const silent = lines.filter(
      ({ fate }) => !/(^|; |\. |is |are |as JSON |cluster )(later: |declined)/.test(fate) && !spans(fate).some(isPlace),
    );
    expect(silent.map(({ names: here }) => here)).toEqual([]);
    const unexplained = lines.filter(({ fate }) => /^declined/.test(fate) && fate.length < 40);
    expect(unexplained).toEqual([]);
  });

  test('every path exists', () => {
    const paths = lines.flatMap(({ fate }) => spans(fate)).filter(isPath);
    expect(paths.length).toBeGreaterThan(200);
    expect([...new Set(paths)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('every command, push, error and setting exists', () => {
    const fates = lines.flatMap(({ fate }) => spans(fate));
    expect(fates.filter((span) => /^[a-z]+(:[a-z-]+)+$/.test(span) && !isEvent(span))).toEqual([]);
    const capitals = fates.map((span) => span.replace(/=.*$/, '')).filter((span) => /^[A-Z]+(_[A-Z]+)+$/.test(span));
    expect(capitals.filter((name) => !settings.has(name) && !(name in errorCodes) && name !== 'NODE_ENV')).toEqual([]);
  });

  test('a name, a path or an event that is wrong is noticed', () => {
    const [line] = linesOf('## Realtime\n\n| `socket`, `nowhere` | `server/nowhere.ts`, `no:event` |');
    expect(line).toEqual({ seed: 'Realtime', names: ['socket', 'nowhere'], fate: '`server/nowhere.ts`, `no:event`' });
    expect(spans(line?.fate ?? '').map((span) => [isPath(span) && existsSync(join(root, span)), isEvent(span)])).toEqual([
      [false, false],
      [false, false],
    ]);
    expect(lines.length).toBeGreaterThan(200);
  });
});
