// The floors of the house as functions from source files to faults, for test/architecture.test.ts.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const maxLines = 300;

/** Files that are longer, and why. */
export const longFiles = new Map<string, string>([
  ['protocol/slots.ts', 'generated table'],
  ['protocol/bodies/commands.ts', 'one table: body and reply of every command'],
  ['server/store/store.ts', 'the whole contract of the store, types only'],
]);

export interface SourceFile {
  path: string;
  text: string;
}

interface Import {
  /** Path from the root for a relative import, else the name of the package or `node:` module. */
  target: string;
  typeOnly: boolean;
}

export function sources(folder: string): SourceFile[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = path.posix.join(folder, name.split(path.sep).join('/'));
      return { path: file, text: readFileSync(path.join(root, file), 'utf8') };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

const statement = /^\s*(?:import|export)\s(?<clause>[^'";]*?\sfrom\s+|)['"](?<name>[^'"]+)['"]/gm;
const dynamic = /\bimport\(\s*['"](?<name>[^'"]+)['"]\s*\)/g;

export function importsOf(file: SourceFile): Import[] {
  const bare = withoutComments(file.text);
  const found = [...bare.matchAll(statement), ...bare.matchAll(dynamic)];
  return found.map(({ groups }) => ({
    target: groups!.name!.startsWith('.') ? path.posix.join(path.posix.dirname(file.path), groups!.name!) : groups!.name!,
    typeOnly: isTypeOnly(groups!.clause),
  }));
}

/** `import type { … }`, or braces in which every name is marked `type`. */
function isTypeOnly(clause: string | undefined): boolean {
  if (clause === undefined) return false;
  if (/^type\s/.test(clause.trim())) return true;
  const names = /^\{(?<inside>[^}]*)\}\s*from\s*$/.exec(clause.trim())?.groups?.inside;
  return names?.split(',').every((name) => name.trim() === '' || /^\s*type\s/.test(name)) ?? false;
}

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\/.*$/gm, '').replace(/\/\*[\s\S]*?\*\//g, '');
}

const folderFloors = new Map([
  ['server/cli', 7],
  ['server/supervisor', 7],
  ['server/edge', 6],
  ['server/http', 6],
  ['server/jobs', 6],
  ['server/commands', 5],
  ['server/session', 4],
  ['server/domain', 3],
  ['server/store', 2],
  ['server/bus', 2],
  ['server/state', 2],
  ['server/config', 1],
  ['server/log', 1],
  ['protocol', 0],
]);

/** Root files of the server, by the floor they are on. */
const fileFloors = new Map([
  ['server/main.ts', 7],
  ['server/app.ts', 7],
  ['server/index.ts', 7],
  ['server/node.ts', 7],
  ['server/tenant.ts', 7],
  ['server/hearing.ts', 7],
  ['server/node-metrics.ts', 7],
  ['server/node-health.ts', 7],
  ['server/demo.ts', 7],
  ['server/drain.ts', 7],
  ['server/config.ts', 1],
  ['server/development.ts', 1],
  ['server/errors.ts', 1],
  ['server/health.ts', 1],
  ['server/log.ts', 1],
  ['server/metrics.ts', 1],
  ['server/redis.ts', 1],
]);

/** The folder of the house a file belongs to: `server/domain`, `server` for root files, `client-sdk`. */
function homeOf(file: string): string {
  const [first, second] = file.split('/');
  if (first !== 'server') return first!;
  return second!.endsWith('.ts') ? 'server' : `server/${second}`;
}

function floorOf(file: string): number | undefined {
  return fileFloors.get(file) ?? folderFloors.get(homeOf(file));
}

/** The page in the browser is no part of the listener that serves it. */
const isBrowserPage = (file: string) => file.startsWith('server/http/demo/');

function serverFault(file: SourceFile, { target }: Import): string | undefined {
  if (!isInHouse(target)) return undefined;
  const from = floorOf(file.path);
  const to = floorOf(target);
  if (isBrowserPage(file.path)) return /^(client-sdk|server\/http\/demo)\//.test(target) ? undefined : 'the page may import the SDK only';
  if (from === undefined) return 'its file has no floor: add it to this test';
  if (target.startsWith('client-sdk/')) return homeOf(file.path) === 'server/cli' ? undefined : 'only the command line may use the SDK';
  if (to === undefined) return `${target} has no floor`;
  if (homeOf(file.path) === homeOf(target)) return to > from ? `floor ${from} may not see floor ${to}` : undefined;
  // A root file is the door of the folder with its name.
  if (`${file.path.replace(/\.ts$/, '')}` === homeOf(target) || `${target.replace(/\.ts$/, '')}` === homeOf(file.path)) return undefined;
  if (homeOf(file.path) === 'server' && homeOf(target) === 'server') return to > from ? `floor ${from} may not see floor ${to}` : undefined;
  return to < from || sameFoundation(from, to) ? undefined : `floor ${from} may not see floor ${to}`;
}

/** config, log, metrics and errors are one floor of small files that may see each other. */
function sameFoundation(from: number, to: number): boolean {
  return (from === 1 && to === 1) || (from === 7 && to === 7);
}

function isInHouse(target: string): boolean {
  return /^(server|protocol|client-sdk|bench|test)\//.test(target);
}

export function floorFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap((one) => {
      const fault = serverFault(file, one);
      return fault === undefined ? [] : [`${file.path} → ${one.target}: ${fault}`];
    }),
  );
}

/** Packages that one place owns, so that they can be replaced there. */
const owners = new Map<string, (file: string) => boolean>([
  ['uWebSockets.js', (file) => file === 'server/edge/uws.ts'],
  ['fastify', (file) => file.startsWith('server/http/')],
  ['msgpackr', (file) => file === 'protocol/codec.ts'],
  ['postgres', (file) => file.startsWith('server/store/')],
  ['jose', (file) => file === 'server/domain/tokens.ts' || file.startsWith('server/cli/')],
  ['pino', (file) => file === 'server/log.ts'],
  ['ioredis', (file) => file === 'server/redis.ts'],
  ['rate-limiter-flexible', (file) => file.startsWith('server/state/')],
  ['typebox', (file) => !file.startsWith('client-sdk/')],
  ['react', (file) => file.startsWith('client-sdk/react/')],
]);

export function packageFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ target, typeOnly }) => {
        const owner = owners.get(packageName(target));
        return owner !== undefined && !owner(file.path) && !(typeOnly && packageName(target) === 'pino');
      })
      .map(({ target }) => `${file.path} → ${target}: another place owns this package`),
  );
}

function packageName(target: string): string {
  const [scope, name] = target.split('/');
  return target.startsWith('@') ? `${scope}/${name}` : scope!;
}

/** protocol is for every platform; codec.ts alone brings a package, and bodies/ alone brings TypeBox. */
export function protocolFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => !target.startsWith('protocol/') && !['typebox', 'msgpackr'].includes(packageName(target)))
      .map(({ target }) => `${file.path} → ${target}: protocol imports nothing of the platform`),
  );
}

/** The SDK brings nothing along: tables of the protocol as values, bodies as types. Only its hooks meet React, which is there. */
export function sdkFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(
        ({ target, typeOnly }) =>
          !target.startsWith('client-sdk/') &&
          !(typeOnly && target.startsWith('protocol/')) &&
          !isPlainTable(target) &&
          !(target === 'react' && file.path.startsWith('client-sdk/react/')),
      )
      .map(({ target }) => `${file.path} → ${target}: the SDK may not bring this to its users`),
  );
}

/** Every entry of the SDK is a part of its own: it takes code from itself and the core alone, and types from the stores, too. */
export function entryFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ target, typeOnly }) => {
        const part = partOf(target);
        return part !== undefined && part !== 'core' && part !== partOf(file.path) && !(typeOnly && part === 'store');
      })
      .map(({ target }) => `${file.path} → ${target}: brings another entry along`),
  );
}

/** Of the SDK: core, store, react, testing or remedies. */
function partOf(file: string): string | undefined {
  if (!file.startsWith('client-sdk/')) return undefined;
  return /^client-sdk\/(?:(store|react|testing)\/|(remedies)\.ts$)/.exec(file)?.slice(1).find(Boolean) ?? 'core';
}

const plainTables = ['client-limits', 'close-codes', 'errors', 'limits', 'metadata', 'ops', 'roles', 'slots', 'tuples', 'version'].map(
  (name) => `protocol/${name}.ts`,
);
const isPlainTable = (target: string) => plainTables.includes(target);

/** Who reads the environment, and why; everybody else takes Settings. */
const environmentReaders = new Map([
  ['server/cli/main.ts', 'the process starts here'],
  ['server/store/embedded/cluster.ts', 'PATH and HOME for the programs of PostgreSQL'],
]);

export function textFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const bare = withoutComments(file.text);
    const faults: string[] = [];
    if (/\bprocess\s*\.\s*env\b/.test(bare) && !environmentReaders.has(file.path)) faults.push(`${file.path}: reads process.env`);
    if (/^\s*export\s+default\b/m.test(bare)) faults.push(`${file.path}: has a default export`);
    if (/^\s*(?:export\s+)?(?:const\s+)?enum\s/m.test(bare)) faults.push(`${file.path}: has an enum`);
    const lines = file.text.split('\n').length - 1;
    if (lines > maxLines && !longFiles.has(file.path))
      faults.push(`${file.path}: has ${lines} lines; split it, or give the reason in longFiles`);
    return faults;
  });
}

const forbiddenNames = /(^|\/)(utils?|helpers?|commons?|managers?|enterprise)(\/|\.ts$)/i;

export function nameFaults(files: readonly SourceFile[]): string[] {
  const kept = 'protocol/bodies/shapes.ts';
  return files
    .filter(({ path: file }) => forbiddenNames.test(file) && file !== kept)
    .map(({ path: file }) => `${file}: a drawer, not a name`);
}
