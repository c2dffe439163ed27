// The files for browsers: the SDK as one ES module, with stores and without, the types of both, and the demo page. A built
// package carries them ready-made in public/; a checkout builds them at the first request, because production lacks the tools.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { BuildOptions, Plugin } from 'esbuild';
import { makeClientTypes } from './client-types/make.ts';

const contentTypes = {
  'client.js': 'text/javascript; charset=utf-8',
  'client.d.ts': 'application/typescript; charset=utf-8',
  'client-stores.js': 'text/javascript; charset=utf-8',
  'client-stores.d.ts': 'application/typescript; charset=utf-8',
  'demo.js': 'text/javascript; charset=utf-8',
  'demo.css': 'text/css; charset=utf-8',
  'index.html': 'text/html; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

export type AssetName = keyof typeof contentTypes;

export interface Asset {
  body: Buffer;
  gzip: Buffer;
  contentType: string;
  etag: string;
}

const here = path.dirname(fileURLToPath(import.meta.url));
const names = Object.keys(contentTypes) as AssetName[];
/** Below the build's root, beside the compiled form of this file. */
const publicFolder = path.join('server', 'http', 'public');
const compress = promisify(gzip);

let loading: Promise<ReadonlyMap<AssetName, Asset>> | undefined;

/** All files, read or built once. A failed build is tried again at the next call. */
export function loadAssets(): Promise<ReadonlyMap<AssetName, Asset>> {
  loading ??= readOrBuild().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** Builds all files into `<outDir>/server/http/public`, where the compiled listener finds them. Needs esbuild and TypeScript. */
export async function writeBundles(outDir: string): Promise<void> {
  const folder = path.join(outDir, publicFolder);
  await mkdir(folder, { recursive: true });
  const files = await build();
  await Promise.all(files.map(([name, body]) => writeFile(path.join(folder, name), body)));
}

async function readOrBuild(): Promise<ReadonlyMap<AssetName, Asset>> {
  const prebuilt = path.join(here, 'public');
  const files = existsSync(prebuilt) ? await readAll(prebuilt, names) : await build();
  return new Map(await Promise.all(files.map(async ([name, body]) => [name, await toAsset(name, body)] as const)));
}

async function toAsset(name: AssetName, body: Buffer): Promise<Asset> {
  // Weak, because the gzipped form carries the same tag.
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { body, gzip: await compress(body, { level: 9 }), contentType: contentTypes[name], etag };
}

function readAll(folder: string, wanted: AssetName[]): Promise<[AssetName, Buffer][]> {
  return Promise.all(wanted.map(async (name): Promise<[AssetName, Buffer]> => [name, await readFile(path.join(folder, name))]));
}

/** What the served modules export. Each is a whole SDK: a page takes one of them. */
const client = ['client-sdk/index.ts'];
export const clientWithStores = [...client, 'client-sdk/store/index.ts', 'client-sdk/store/indexed-db.ts'];

async function build(): Promise<[AssetName, Buffer][]> {
  const demo = path.join(here, 'demo');
  const bundles = await Promise.all([
    bundle('client.js', exportsOf(client)),
    bundle('client-stores.js', exportsOf(clientWithStores)),
    bundle('demo.js', { entryPoints: [path.join(demo, 'demo.ts')], plugins: [servedClient] }),
    bundle('demo.css', { entryPoints: [path.join(demo, 'demo.css')] }),
  ]);
  const types = await makeClientTypes({ 'client.d.ts': client, 'client-stores.d.ts': clientWithStores });
  const plain = await readAll(demo, ['index.html', 'icon.svg']);
  return [...bundles, ...types.map(([name, text]): [AssetName, Buffer] => [name, Buffer.from(text)]), ...plain];
}

function exportsOf(sources: readonly string[]): BuildOptions {
  const contents = sources.map((source) => `export * from './${source}';`).join('\n');
  return { stdin: { contents, resolveDir: path.join(here, '../..') } };
}

async function bundle(name: AssetName, options: BuildOptions): Promise<[AssetName, Buffer]> {
  const esbuild = await import('esbuild');
  const result = await esbuild.build({
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    write: false,
    logLevel: 'silent',
    ...options,
  });
  return [name, Buffer.from(result.outputFiles![0]!.contents)];
}

/** The page imports the SDK from where the server serves it, so that it runs exactly what applications get. */
const servedClient: Plugin = {
  name: 'served-client',
  setup(build) {
    build.onResolve({ filter: /client-sdk\/(store\/)?index\.ts$/ }, () => ({ path: '/client-stores.js', external: true }));
  },
};
