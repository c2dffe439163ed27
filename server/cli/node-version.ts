// The oldest Node the server runs on. What is too new shows itself when the native socket library is loaded: builds of it
// for newer Nodes exist.

import { StartError } from '../errors.ts';

const least = { major: 22, minor: 18 };

/** Throws StartError on a Node that is too old for the server. */
export function requireServerNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > least.major || (major === least.major && minor >= least.minor)) return;
  throw new StartError(
    `The server needs Node ${least.major}.${least.minor} or newer, this is ${version}. In a checkout, script/server brings its own; otherwise install Node ${least.major}.`,
  );
}
