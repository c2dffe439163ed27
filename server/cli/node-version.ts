// The server needs the Node its native socket library was built for; the client does not.

import { StartError } from '../errors.ts';

const servedMajor = 22;
const leastMinor = 18;

/** Throws StartError on a Node that cannot run the server. */
export function requireServerNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === servedMajor && minor >= leastMinor) return;
  throw new StartError(
    `The server needs Node ${servedMajor}.${leastMinor} or newer of that line, this is ${version}. In a checkout, script/server brings its own; ` +
      `otherwise install Node ${servedMajor} (README, "Another build of uWebSockets.js").`,
  );
}
