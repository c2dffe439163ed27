// Packs the client alone as utalk-realtime-client: what client-sdk/ compiles to, the tables of the protocol it uses, and
// no dependencies. Its version is that of the whole.

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { renderProtocolBodies } from '../server/http/client-types/protocol-bodies.ts';

const root = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);

/** Files of protocol/ that bring packages along. */
const withPackages = /^protocol\/(bodies|index|codec)(\/|\.|$)/;

/**
 * @param compiled the folder that tsconfig.build.json was compiled to
 * @param into where the tarball goes
 * @returns its path
 */
export async function packClient(compiled: string, into: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'utalk-client-'));
  try {
    for (const part of ['client-sdk', 'protocol'])
      await cp(path.join(compiled, part), path.join(folder, 'dist', part), { recursive: true, filter: (file) => isClient(compiled, file) });
    await writeFile(path.join(folder, 'package.json'), JSON.stringify(await manifest(), undefined, 2));
    await cp(path.join(root, 'client-sdk/README.md'), path.join(folder, 'README.md'));
    const bodies = path.join(folder, 'dist/protocol/bodies');
    await mkdir(bodies);
    await writeFile(path.join(bodies, 'index.d.ts'), renderProtocolBodies());
    const { stdout } = await run('npm', ['pack', folder, '--pack-destination', into, '--silent'], { cwd: root });
    return path.join(into, stdout.trim());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isClient(compiled: string, file: string): boolean {
  return !withPackages.test(path.relative(compiled, file).replaceAll(path.sep, '/'));
}

/** Entries of the whole package under `./client` are those of this one. */
async function manifest(): Promise<object> {
  const { version, license, type, sideEffects, exports, peerDependencies, peerDependenciesMeta } = JSON.parse(
    await readFile(path.join(root, 'package.json'), 'utf8'),
  );
  const entries = Object.entries(exports as Record<string, unknown>).filter(([name]) => /^\.\/client(\/|$)/.test(name));
  return {
    name: 'utalk-realtime-client',
    version,
    description: 'Client of a UTalk Realtime server for browsers, Node, Bun and Deno, without dependencies.',
    license,
    type,
    sideEffects,
    exports: Object.fromEntries(entries.map(([name, conditions]) => [name.replace('./client', '.'), conditions])),
    peerDependencies,
    peerDependenciesMeta,
  };
}

if (import.meta.main) console.log(path.basename(await packClient(path.join(root, 'dist'), root)));
