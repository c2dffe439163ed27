// An application that has installed the package of the client alone, as `npm run pack` makes it, and nothing else.

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { packClient } from '../../script/pack-client.ts';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Compiles what both packages hold; its types are checked elsewhere, which takes many times as long. */
export async function compilePackages(into: string): Promise<void> {
  await run(path.join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', into], { cwd: root });
}

/**
 * Makes `<folder>/app` with the package in it; its modules are ES modules.
 * @param compiled where compilePackages has written
 * @returns the application's folder
 */
export async function installPackedClient(compiled: string, folder: string): Promise<string> {
  const app = path.join(folder, 'app');
  const tarball = await packClient(compiled, folder);
  await mkdir(app);
  await writeFile(path.join(app, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const quietly = ['--offline', '--no-audit', '--no-fund', '--silent', '--cache', path.join(folder, 'cache')];
  await run('npm', ['install', tarball, ...quietly], { cwd: app });
  return app;
}
