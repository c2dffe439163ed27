// The size of an entry as applications pay for it: bundled and minified for browsers, then gzipped. The core has a budget.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile } from 'esbuild';

export const root = path.resolve(import.meta.dirname, '..');

/** What the core is to be: everything reachable from client-sdk/index.ts, gzipped. */
export const coreBudgetBytes = 15_000;

/** What it may not exceed on the way there; raised only for what was wrong without it. */
export const coreCeilingBytes = 16_800;

/** Entries of the package, by the name that applications import. Those that are not there are not measured. */
const entries = {
  'utalk-realtime/client': 'client-sdk/index.ts',
  'utalk-realtime/client/remedies': 'client-sdk/remedies.ts',
  'utalk-realtime/client/store': 'client-sdk/store/index.ts',
  'utalk-realtime/client/store-indexeddb': 'client-sdk/store/indexed-db.ts',
  'utalk-realtime/client/react': 'client-sdk/react/index.ts',
  'utalk-realtime/client/testing': 'client-sdk/testing/index.ts',
} as const;

export const coreEntry = entries['utalk-realtime/client'];

export interface BundleSize {
  minifiedBytes: number;
  gzipBytes: number;
  /** Minified bytes that each source file contributes, largest first. */
  modules: readonly (readonly [file: string, bytes: number])[];
}

/** Names and files of the entries that exist. */
export function ownEntries(): (readonly [name: string, file: string])[] {
  return Object.entries(entries).filter(([, file]) => existsSync(path.join(root, file)));
}

/**
 * Bundles a file of this project.
 * @throws the error of esbuild for a file that cannot be bundled
 */
export function sizeOfFile(file: string): Promise<BundleSize> {
  return measure({ entryPoints: [path.join(root, file)], absWorkingDir: root });
}

/** Bundles what `code` imports from the packages installed in `folder`. */
export function sizeOfCode(code: string, folder: string): Promise<BundleSize> {
  return measure({ stdin: { contents: code, resolveDir: folder }, absWorkingDir: folder });
}

async function measure(options: BuildOptions): Promise<BundleSize> {
  const { outputFiles, metafile } = await build({
    ...options,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['react'],
    write: false,
    metafile: true,
    logLevel: 'error',
  });
  const bytes = outputFiles?.[0]?.contents ?? new Uint8Array();
  return { minifiedBytes: bytes.length, gzipBytes: gzipSync(bytes, { level: 9 }).length, modules: modulesOf(metafile as Metafile) };
}

function modulesOf({ outputs }: Metafile): BundleSize['modules'] {
  const inputs = Object.values(outputs)[0]?.inputs ?? {};
  return Object.entries(inputs)
    .map(([file, { bytesInOutput }]) => [file, bytesInOutput] as const)
    .sort(([, a], [, b]) => b - a);
}
