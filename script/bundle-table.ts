// What the SDK adds to a page beside other clients; run by script/sizes. --write puts the table into docs/BENCH.md, --modules
// prints the shares of the core's files, --check looks at its budget alone; the last two need no network.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type BundleSize, coreBudgetBytes, coreEntry, root, sizeOfCode, sizeOfFile } from './bundle-size.ts';

/** What an application imports of ours. */
const own = [
  { name: 'utalk-realtime/client', code: "export * from './client-sdk/index.ts';" },
  {
    name: '… with localStorage',
    code: "export * from './client-sdk/index.ts'; export { localStorageStore } from './client-sdk/store/index.ts';",
  },
  {
    name: '… with IndexedDB',
    code: "export * from './client-sdk/index.ts'; export { indexedDbStore } from './client-sdk/store/indexed-db.ts';",
  },
  { name: '… with the hooks, without React', code: "export * from './client-sdk/index.ts'; export * from './client-sdk/react/index.ts';" },
] as const;

const versions = { 'socket.io-client': '4.8.4', centrifuge: '5.8.0', ably: '2.28.0', phoenix: '1.8.16' } as const;

/** Each with the import that brings the whole client into the bundle. */
const peers = [
  { name: 'socket.io-client', code: "export { io } from 'socket.io-client';" },
  { name: 'centrifuge', code: "export { Centrifuge } from 'centrifuge';" },
  { name: 'ably', code: "export { Realtime } from 'ably';" },
  { name: 'ably', part: 'modular', code: "export { BaseRealtime, FetchRequest, WebSocketTransport } from 'ably/modular';" },
  { name: 'phoenix', code: "export { Socket } from 'phoenix';" },
] as const satisfies { name: keyof typeof versions; part?: string; code: string }[];

const document = path.join(root, 'docs/BENCH.md');
const marked = /(<!-- script\/sizes --write -->\n)[\s\S]*?(?=<!-- end -->)/;

const { values } = parseArgs({ options: { check: { type: 'boolean' }, modules: { type: 'boolean' }, write: { type: 'boolean' } } });
if (values.check) await check();
else if (values.modules) await printModules();
else {
  const table = await renderTable();
  process.stdout.write(table);
  if (values.write) write(table);
}

function write(table: string): void {
  const text = readFileSync(document, 'utf8');
  if (!marked.test(text)) throw new Error(`${document} has no place for the table`);
  writeFileSync(document, text.replace(marked, `$1\n${table}\n`));
}

async function check(): Promise<void> {
  const { gzipBytes } = await sizeOfFile(coreEntry);
  console.log(`${coreEntry}: ${grouped(gzipBytes)} of ${grouped(coreBudgetBytes)} bytes (minified, gzip)`);
  if (gzipBytes > coreBudgetBytes) process.exitCode = 1;
}

async function printModules(): Promise<void> {
  for (const [file, bytes] of (await sizeOfFile(coreEntry)).modules) console.log(`${grouped(bytes).padStart(8)}  ${file}`);
}

async function renderTable(): Promise<string> {
  const rows: string[] = [];
  for (const { name, code } of own) rows.push(row(name, await sizeOfCode(code, root)));
  const folder = mkdtempSync(path.join(tmpdir(), 'utalk-sizes-'));
  try {
    installPeers(folder);
    for (const { name, code, ...more } of peers) {
      const title = `${name} ${versions[name]}${'part' in more ? `, ${more.part}` : ''}`;
      rows.push(row(title, await sizeOfCode(code, folder)));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return ['| client | minified, bytes | gzip, bytes |', '| --- | ---: | ---: |', ...rows, ''].join('\n');
}

/** Into a folder of their own, so that nobody who installs this project gets them. */
function installPeers(folder: string): void {
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: versions }));
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--silent'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function row(name: string, { minifiedBytes, gzipBytes }: BundleSize): string {
  return `| ${name} | ${grouped(minifiedBytes)} | ${grouped(gzipBytes)} |`;
}

function grouped(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}
