// The states of a client as one union. connection.ts moves between them.

import type { AuthReason } from './options.ts';

/**
 * Why a client is `closed` and stays so until connect() is called: by `client` itself; `normal`, the server closed on purpose;
 * `replaced` by a newer session; `expelled`; `badFrames`, the server could not read it; `otherUser`, the token changed hands.
 */
export type ClosedReason = 'client' | 'normal' | 'replaced' | 'expelled' | 'badFrames' | 'otherUser';

/** Where a client stands, and why. Times are ms since 1970. */
export type ConnectionState =
  /** Made, or given up by the caller before it was live. */
  | { readonly name: 'idle' }
  /** Asking for a token, opening the socket or waiting for the answer to `auth`. `attempt` counts failures in a row. */
  | { readonly name: 'connecting'; readonly reason: AuthReason; readonly attempt: number }
  /** Authenticated; missed entries are being fetched. Messages flow already. */
  | { readonly name: 'syncing' }
  /** Nothing is missing. */
  | { readonly name: 'live'; readonly since: number }
  /** Not connected; tries again at `retryAt`. `code` is the close code, where there was one. */
  | { readonly name: 'offline'; readonly reason: string; readonly code?: number; readonly retryAt: number; readonly attempt: number }
  /** The server refused a fresh token, or the application has none. Waits for connect(). */
  | { readonly name: 'authRequired'; readonly reason: string }
  /** Ended for good. Waits for connect(). */
  | { readonly name: 'closed'; readonly reason: ClosedReason; readonly message: string; readonly code?: number };

/** The name of a state. */
export type StateName = ConnectionState['name'];
