// The documents agree with the code: tables, numbers, names, examples and links.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closeCodes, commandOps, errorCodes, limits, pushOps } from '../protocol/index.ts';
import vectors from '../protocol/vectors.json' with { type: 'json' };
import { commandMeanings, pushMeanings, reservedCommands, reservedPushes } from '../script/protocol-meanings.ts';
import { renderSections, sectionOf, shapesOfProtocol, withSections } from '../script/protocol-tables.ts';
import { routeTable } from '../server/commands/table.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '');
const protocol = read('protocol/PROTOCOL.md');
const prose = [...renderSections().keys()].reduce((text, name) => text.replace(sectionOf(text, name) ?? '', ''), protocol);
const spans = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span as string);

describe('PROTOCOL.md', () => {
  test.each([...renderSections()])('section %s is what the code says; `npm run slots` renews it', (name, rendered) => {
    expect(sectionOf(protocol, name)).toBe(rendered);
  });

  test('a changed number, name or word in a table is noticed', () => {
    for (const [before, after] of [
      ['| 8 | `message:send` |', '| 9 | `message:send` |'],
      ['| 64 | `message:new` |', '| 64 | `message:now` |'],
      ['| `RATE_LIMIT_EXCEEDED` | yes |', '| `RATE_LIMIT_EXCEEDED` | no |'],
      ['| 4403 | `EXPELLED` | no |', '| 4403 | `EXPELLED` | yes |'],
      ['| `maxFrameBytes` | 65 536 |', '| `maxFrameBytes` | 65 535 |'],
      ['| 2 | `type` | `text`', '| 2 | `kind` | `text`'],
    ] as const) {
      expect(protocol).toContain(before);
      const changed = protocol.replace(before, after);
      expect(withSections(changed)).toBe(protocol);
      expect(changed).not.toBe(protocol);
    }
  });

  test('says of every number which command or push it is', () => {
    for (const [name, op] of Object.entries(commandOps))
      expect(protocol).toMatch(new RegExp(`^\\| ${op} \\| \`${name}\` \\| (in use|reserved) \\|`, 'm'));
    for (const [name, op] of Object.entries(pushOps))
      expect(protocol).toMatch(new RegExp(`^\\| ${op} \\| \`${name}\` \\| (in use|reserved) \\|`, 'm'));
  });

  test('names limits, errors, close codes and shapes that exist', () => {
    const limitNames = spans(prose).filter((span) => /^(max|cut|default|token|typing|alive|silence|pong|badFrame)[A-Z]\w*$/.test(span));
    expect(limitNames.length).toBeGreaterThan(20);
    const slots = [...shapesOfProtocol().values()].flatMap((shape) => Object.keys(shape.properties ?? {}));
    expect(limitNames.filter((name) => !(name in limits) && !slots.includes(name))).toEqual([]);
    const codes = spans(prose).filter((span) => /^[A-Z]+(_[A-Z]+)+$/.test(span));
    expect(codes.filter((code) => !(code in errorCodes))).toEqual([]);
    const closes = [...prose.matchAll(/\b(4\d\d\d)\b/g)].map(([, code]) => code as string);
    expect(closes.filter((code) => !(code in closeCodes))).toEqual([]);
    const shapes = [...prose.matchAll(/\*\*([A-Z][A-Za-z]+)\*\*/g)].map(([, name]) => name as string);
    const headings = new Set(['Name', 'Order', 'Access', 'Draining', 'Bodies']);
    expect(shapes.filter((name) => !shapesOfProtocol().has(name) && !headings.has(name))).toEqual([]);
  });

  test('names commands and pushes that exist', () => {
    const names = spans(prose).filter((span) => /^[a-z]+(:[a-z-]+)+$/.test(span));
    expect(names.length).toBeGreaterThan(30);
    const others = ['sync:page', 'member:added', 'member:removed'];
    expect(names.filter((name) => !(name in commandOps) && !(name in pushOps) && !others.includes(name))).toEqual([]);
  });

  test('shows frames that are in vectors.json', () => {
    const known = new Set(vectors.frames.map(({ hex }) => hex));
    const shown = [...protocol.matchAll(/^[<>] ([0-9a-f]+)$/gm)].map(([, hex]) => hex as string);
    expect(shown.length).toBeGreaterThan(5);
    expect(shown.filter((hex) => !known.has(hex))).toEqual([]);
  });

  test('calls reserved what the server does not answer, and only that', () => {
    const services = new Proxy({}, { get: () => undefined }) as Parameters<typeof routeTable>[0];
    const { byOp } = routeTable(services, []);
    // `call` has no route of its own: it names one.
    const answered = Object.entries(commandOps).filter(([name, op]) => byOp.has(op) || name === 'call');
    const inUse = Object.keys(commandMeanings).filter((name) => !reservedCommands.has(name as keyof typeof commandOps));
    expect(answered.map(([name]) => name).sort()).toEqual(inUse.sort());
  });

  test('calls in use the pushes that the server sends, and only those', () => {
    const files = readdirSync(join(root, 'server'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const sent = files.flatMap((name) =>
      [...read(`server/${name}`).matchAll(/(?:encodePush|\.push)\(\s*'([a-z:-]+)'/g)].map(([, push]) => push),
    );
    const inUse = Object.keys(pushMeanings).filter((name) => !reservedPushes.has(name as keyof typeof pushOps));
    // The private log is read by sync:state and pushed from the log; no command writes to it yet.
    expect([...new Set(sent)].filter((name) => name !== 'notification').sort()).toEqual(inUse.sort());
  });
});

describe('EVENTS.md', () => {
  const names = new Set(spans(read('docs/EVENTS.md')));

  test.each(Object.keys({ ...commandMeanings, ...pushMeanings }))('names %s', (name) => {
    expect(names).toContain(name);
  });
});

describe('ERRORS.md', () => {
  const text = read('docs/ERRORS.md');

  // Clients print a link to the heading of the code.
  test.each(Object.keys(errorCodes))('has a heading for %s', (code) => {
    expect(anchorsOf(text)).toContain(code.toLowerCase());
  });

  test.each(Object.keys(closeCodes))('explains close code %s', (code) => {
    expect(text).toMatch(new RegExp(`\\b${code}\\b`));
  });
});

describe('links', () => {
  const documents = ['README.md', 'protocol/PROTOCOL.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter(
    (path) => path.endsWith('.md') && existsSync(join(root, path)),
  );

  test.each(documents)('%s links to files and headings that exist', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, target]) => target as string);
    const broken = links.filter((link) => {
      const [target = '', anchor] = link.split('#');
      const file = target === '' ? join(root, path) : join(root, dirname(path), target);
      if (!existsSync(file)) return true;
      return anchor !== undefined && file.endsWith('.md') && !anchorsOf(readFileSync(file, 'utf8')).has(anchor.toLowerCase());
    });
    expect(broken).toEqual([]);
  });
});

/** Anchors as GitHub makes them from headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}
