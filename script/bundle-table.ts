// Prints the sizes of the SDK's entries beside those of other clients; run by script/sizes. With --check only the budget of
// the core is looked at, without a network.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type BundleSize, coreBudgetBytes, coreEntry, ownEntries, sizeOfCode, sizeOfFile } from './bundle-size.ts';

/** Each with the import that brings the whole client into the bundle. */
const peers = [
  { name: 'socket.io-client', version: '4.8.4', code: "export { io } from 'socket.io-client';" },
  { name: 'centrifuge', version: '5.8.0', code: "export { Centrifuge } from 'centrifuge';" },
  { name: 'ably', version: '2.28.0', code: "export { Realtime } from 'ably';" },
  { name: 'phoenix', version: '1.8.16', code: "export { Socket } from 'phoenix';" },
] as const;

const { values } = parseArgs({ options: { check: { type: 'boolean' }, modules: { type: 'boolean' } } });
if (values.check) await check();
else if (values.modules) await printModules();
else await printTable();

async function check(): Promise<void> {
  const { gzipBytes } = await sizeOfFile(coreEntry);
  console.log(`${coreEntry}: ${grouped(gzipBytes)} of ${grouped(coreBudgetBytes)} bytes (minified, gzip)`);
  if (gzipBytes > coreBudgetBytes) process.exitCode = 1;
}

async function printModules(): Promise<void> {
  for (const [file, bytes] of (await sizeOfFile(coreEntry)).modules) console.log(`${grouped(bytes).padStart(8)}  ${file}`);
}

async function printTable(): Promise<void> {
  console.log('| client | minified, bytes | gzip, bytes |\n| --- | ---: | ---: |');
  for (const [name, file] of ownEntries()) printRow(name, await sizeOfFile(file));
  const folder = mkdtempSync(path.join(tmpdir(), 'utalk-sizes-'));
  try {
    installPeers(folder);
    for (const { name, version, code } of peers) printRow(`${name} ${version}`, await sizeOfCode(code, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Into a folder of their own, so that nobody who installs this project gets them. */
function installPeers(folder: string): void {
  const dependencies = Object.fromEntries(peers.map(({ name, version }) => [name, version]));
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--silent'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function printRow(name: string, { minifiedBytes, gzipBytes }: BundleSize): void {
  console.log(`| ${name} | ${grouped(minifiedBytes)} | ${grouped(gzipBytes)} |`);
}

function grouped(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}
