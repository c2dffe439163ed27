// An application that has installed the package of the client alone, as `npm run pack` makes it, and nothing else.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packClient } from '../../script/pack-client.ts';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Makes the application in a folder that does not exist yet; its modules are ES modules. */
export async function installPackedClient(app: string): Promise<void> {
  const work = await mkdtemp(path.join(tmpdir(), 'utalk-pack-'));
  try {
    await run(path.join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--outDir', path.join(work, 'compiled')], {
      cwd: root,
    });
    const tarball = await packClient(path.join(work, 'compiled'), work);
    await mkdir(app);
    await writeFile(path.join(app, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const quietly = ['--offline', '--no-audit', '--no-fund', '--silent', '--cache', path.join(work, 'cache')];
    await run('npm', ['install', tarball, ...quietly], { cwd: app });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
