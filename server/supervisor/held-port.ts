// The port that workers share, kept from others until a worker has it: whoever shared it too would silently take a part of the
// clients, and a free port that was found is not free for long. The native library shares no port that it has chosen itself.

import { createServer, type Server } from 'node:net';
import { StartError } from '../errors.ts';

export interface HeldPort {
  readonly port: number;
  /** Lets go of it, when a worker listens. Harmless when repeated. */
  release(): Promise<void>;
}

/**
 * Takes a port that nobody listens on, in the way that lets processes of this user share it.
 * @param port 0 for any that is free.
 * @throws StartError when it is taken, exclusively or shared
 */
export async function holdPort(host: string, port: number): Promise<HeldPort> {
  const alone = await listen(host, port, false);
  const found = (alone.address() as { port: number }).port;
  await close(alone);
  const shared = await listen(host, found, true);
  let released: Promise<void> | undefined;
  return {
    port: found,
    release() {
      released ??= close(shared);
      return released;
    },
  };
}

function listen(host: string, port: number, reusePort: boolean): Promise<Server> {
  return new Promise((resolve, reject) => {
    // Nobody is served yet; whoever comes is sent away and tries again.
    const server = createServer((socket) => socket.destroy());
    server.once('error', ({ code }: NodeJS.ErrnoException) => reject(new StartError(refusal(host, port, code))));
    server.listen({ host, port, reusePort }, () => resolve(server));
  });
}

const close = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()));

function refusal(host: string, port: number, code: string | undefined): string {
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is in use: stop what holds it, or set PORT to another one`;
  if (code === 'EACCES') return `port ${port} needs privileges: set PORT to 1024 or more`;
  return `HOST ${host} is not an address of this machine (${code})`;
}
