// The types beside the served modules: one file for each of them, complete in itself, so that it can be fetched or saved as it
// is. The compiler is a development dependency: checkouts make the types, builds carry them.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { flatten } from './flatten.ts';
import { renderProtocolBodies } from './protocol-bodies.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const bodies = 'protocol/bodies/index.d.ts';
/** Not checked: that is for others, and takes longer. */
const options =
  '--ignoreConfig --declaration --emitDeclarationOnly --noCheck --strict --target ES2024 --lib ES2024,DOM,DOM.Iterable --module NodeNext --rewriteRelativeImportExtensions';

/**
 * The declarations of several modules.
 * @param modules the source files, relative to the root, whose exports each module has
 * @throws the error of the compiler; Error for declarations that do not go into one file
 */
export async function makeClientTypes<Name extends string>(modules: Record<Name, readonly string[]>): Promise<[Name, string][]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'utalk-types-'));
  try {
    const files = new Set(Object.values<readonly string[]>(modules).flat());
    const compiler = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const args = [compiler, ...files, ...options.split(' '), '--types', '', '--rootDir', root, '--outDir', folder];
    await promisify(execFile)(process.execPath, args, { cwd: root });
    return Object.entries<readonly string[]>(modules).map(([name, sources]) => [name as Name, oneFile(folder, sources)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function oneFile(folder: string, sources: readonly string[]): string {
  const entry = sources.map((source) => `export * from './${source}';`).join('\n');
  return flatten('entry', (file) => {
    if (file === 'entry') return entry;
    return file === bodies ? renderProtocolBodies() : readFileSync(path.join(folder, file), 'utf8');
  });
}
