// Version of the package and of Node, and how this file is run.

import { readFileSync } from 'node:fs';

const compiled = import.meta.url.endsWith('.js');

/** How people call the command line from here. */
export const program = compiled ? 'npx utalk' : 'npm run --silent utalk --';

/** Version in package.json, which is one folder further up in a build. */
export function packageVersion(): string {
  const file = new URL(compiled ? '../../../package.json' : '../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
