// A connection of the command line through the SDK, and what ends it.

import { type Client, createClient, UTalkError } from '../../client-sdk/index.ts';
import type { Role } from '../../protocol/index.ts';
import { CommandFailed, type Context, UsageError } from './command.ts';
import { credentials } from './credentials.ts';
import { packageVersion } from './version.ts';

/** Options of every command that connects. */
export const connectionOptions = {
  url: { type: 'string', value: '<url>', description: 'WebSocket URL (default UTALK_URL, else port PORT or 3001 of this machine)' },
  token: { type: 'string', value: '<jwt>', description: 'Token (default UTALK_TOKEN, else one is signed with the key of this machine)' },
  user: { type: 'string', value: '<id>', description: 'Sign the token for this user' },
  role: { type: 'string', value: '<role>', description: 'Sign it for this role (default customer with --user, else service)' },
  tenant: { type: 'string', value: '<id>', description: 'Sign it for this tenant' },
} as const;

export interface ConnectionValues {
  url?: string | undefined;
  token?: string | undefined;
  user?: string | undefined;
  tenant?: string | undefined;
}

export interface Session {
  client: Client;
  /** Aborts when the server wants this client no more: token refused, expelled, replaced. The reason is an Error in words. */
  ended: AbortSignal;
}

/** Opens a client that keeps connected until it is closed. Remarks of the SDK go to standard error. */
export function openSession(context: Context, values: ConnectionValues, role: Role, path = '/app'): Session {
  const ended = new AbortController();
  const client = createClient({
    url: sessionUrl(context, values.url, path),
    auth: credentials(context, { ...values, role }),
    autoJoin: 'none',
    reconnectCeilingMs: 1_000,
    requestTimeoutMs: 5_000,
    agent: `utalk-cli/${packageVersion()}`,
    logger: { debug: () => {}, warn: (message) => context.output.note(message) },
  });
  client.on('state', (state) => {
    if (state.name === 'authRequired') ended.abort(new CommandFailed(`The server did not take the token: ${state.reason}`));
    if (state.name === 'closed' && state.reason !== 'client')
      ended.abort(new CommandFailed(`The server ended the session (${state.reason}): ${state.message}`));
  });
  client.connect().catch((error: unknown) => ended.abort(inWords(error)));
  return { client, ended: ended.signal };
}

/** An error of the SDK with its remedy; anything else as it is. */
export function inWords(error: unknown): unknown {
  return error instanceof UTalkError ? new CommandFailed(`${error.code}: ${error.message}. ${error.remediation}`) : error;
}

function sessionUrl({ environment }: Context, given: string | undefined, path: string): string {
  const text = given ?? (environment.UTALK_URL || `ws://127.0.0.1:${environment.PORT || 3001}`);
  if (!URL.canParse(text) || !/^(ws|http)s?:\/\//.test(text))
    throw new UsageError(`--url takes a URL, as ws://localhost:3001, not ${text}`);
  const url = new URL(text);
  if (url.pathname === '/' || path !== '/app') url.pathname = path;
  return url.href;
}
