// The files for browsers: the SDK as one ES module and the demo page. A built package carries them ready-made in
// public/; a checkout builds them with esbuild at the first request, because esbuild is not there in production.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { BuildOptions } from 'esbuild';

const contentTypes = {
  'client.js': 'text/javascript; charset=utf-8',
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

/** Builds all files into `<outDir>/server/http/public`, where the compiled listener finds them. Needs esbuild. */
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

async function build(): Promise<[AssetName, Buffer][]> {
  const demo = path.join(here, 'demo');
  const client = await bundle('client.js', { entryPoints: [path.join(here, '../../client-sdk/index.ts')] });
  // With an SDK of its own: it takes the stores, too, and both must be of one core.
  const page = await bundle('demo.js', { entryPoints: [path.join(demo, 'demo.ts')] });
  const style = await bundle('demo.css', { entryPoints: [path.join(demo, 'demo.css')] });
  const plain = await readAll(demo, ['index.html', 'icon.svg']);
  return [client, page, style, ...plain];
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
