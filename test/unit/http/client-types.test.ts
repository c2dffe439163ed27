// Several declaration files become one: what is exported, what that needs, and nothing that could not be found.

import { describe, expect, test } from 'vitest';
import { clientWithStores } from '../../../server/http/bundle.ts';
import { flatten } from '../../../server/http/client-types/flatten.ts';
import { makeClientTypes } from '../../../server/http/client-types/make.ts';

/** Of files in one folder, the first of them the entry. */
function flat(files: Record<string, string>): string {
  return flatten('index.d.ts', (file) => {
    const text = files[file];
    if (text === undefined) throw new Error(`no file ${file}`);
    return text;
  });
}

describe('one file', () => {
  test('has what the entry exports, with comments, and what that needs', () => {
    const text = flat({
      'index.d.ts': "export type { Talk } from './talk.ts';\nexport { open } from './open.ts';\nexport type * from './names.ts';\n",
      'open.d.ts':
        "import type { Talk } from './talk.ts';\n/**\n * Opens it.\n */\nexport declare function open(name: string): Talk;\nexport declare function close(): void;\n",
      'talk.d.ts':
        "import { type Entry } from './entry.ts';\nexport interface Talk {\n    /** Not Other. */\n    readonly entries: Entry[];\n}\nexport declare class Other {\n    #private;\n}\n",
      'entry.d.ts': "declare const kinds: readonly ['text', 'image'];\nexport type Entry = (typeof kinds)[number];\nexport {};\n",
      'names.d.ts': "export type Name = \n/** Short. */\n'a'\n/** Long. */\n | 'abc';\n",
    });
    expect(text).toBe(
      [
        'export interface Talk {\n    /** Not Other. */\n    readonly entries: Entry[];\n}',
        'type Entry = (typeof kinds)[number];',
        "declare const kinds: readonly ['text', 'image'];",
        '/**\n * Opens it.\n */\nexport declare function open(name: string): Talk;',
        "export type Name = \n/** Short. */\n'a'\n/** Long. */\n | 'abc';",
        'export {};\n',
      ].join('\n'),
    );
  });

  test('keeps overloads together', () => {
    const overloads = 'export declare function on(a: 1): void;\nexport declare function on(b: 2): void;\n';
    expect(flat({ 'index.d.ts': overloads })).toBe(`${overloads}export {};\n`);
  });
});

describe('refused is', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'one name for two things',
      {
        'index.d.ts': "export { a } from './a.ts';\nexport { b } from './b.ts';\n",
        'a.d.ts': 'export declare const a: Same;\ninterface Same {\n}\n',
        'b.d.ts': 'export declare const b: Same;\ninterface Same {\n}\n',
      },
      'Same is declared in a.d.ts and in b.d.ts',
    ],
    [
      'a package',
      { 'index.d.ts': "import type { TSchema } from 'typebox';\nexport type A = TSchema;\n" },
      'index.d.ts imports the package typebox',
    ],
    ['another name on the way', { 'index.d.ts': "export { a as b } from './a.ts';\n" }, 'a as b from ./a.ts'],
    [
      'a type imported in passing',
      { 'index.d.ts': "export declare const a: import('./b.ts').B;\n" },
      'a in index.d.ts imports a type in passing',
    ],
    ['an export that is not there', { 'index.d.ts': "export { b } from './a.ts';\n", 'a.d.ts': 'export {};\n' }, 'a.d.ts has no b'],
    ['what it does not know', { 'index.d.ts': 'declare global {\n}\n' }, 'declare global'],
  ])('%s', (_what, files, words) => {
    expect(() => flat(files)).toThrow(words);
  });
});

test('so do the declarations of the client and its stores', async () => {
  const [[, text] = []] = await makeClientTypes({ 'client-stores.d.ts': clientWithStores });
  for (const name of ['createClient', 'UTalkError', 'indexedDbStore', 'persistent'])
    expect(text).toMatch(new RegExp(`^export declare (function|class) ${name}\\b`, 'm'));
});
