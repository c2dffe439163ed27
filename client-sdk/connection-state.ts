// The states of a client as one union, and the only function that moves between them. What a state cannot hear, it ignores:
// late answers of a connection that is gone must change nothing.

/** Why a client is `closed` and stays so until connect() is called. */
export type ClosedReason = 'client' | 'normal' | 'replaced' | 'expelled' | 'badFrames' | 'otherUser';

export type ConnectionState =
  /** Made, or given up by the caller before it was live. */
  | { readonly name: 'idle' }
  /** Asking for a token, opening the socket or waiting for the answer to `auth`. `attempt` counts failures in a row. */
  | { readonly name: 'connecting'; readonly attempt: number }
  /** Authenticated; missed entries are being fetched. Messages flow already. */
  | { readonly name: 'syncing' }
  /** Nothing is missing. `since` is ms since 1970. */
  | { readonly name: 'live'; readonly since: number }
  /** Not connected; tries again at `retryAt` (ms since 1970). `code` is the close code, where there was one. */
  | { readonly name: 'offline'; readonly reason: string; readonly code?: number; readonly retryAt: number; readonly attempt: number }
  /** The server refused a fresh token, or the application has none. Waits for connect(). */
  | { readonly name: 'authRequired'; readonly reason: string }
  /** Ended for good. Waits for connect(). */
  | { readonly name: 'closed'; readonly reason: ClosedReason; readonly message: string; readonly code?: number };

export type StateName = ConnectionState['name'];

export type ConnectionEvent =
  | { type: 'connect'; attempt: number }
  | { type: 'authenticated' }
  | { type: 'caughtUp'; at: number }
  | { type: 'lost'; reason: string; code?: number; retryAt: number; attempt: number }
  | { type: 'refused'; reason: string }
  | { type: 'cancelled' }
  | { type: 'ended'; reason: ClosedReason; message: string; code?: number };

/** States in which each event is heard. */
const heardIn: Readonly<Record<ConnectionEvent['type'], readonly StateName[]>> = {
  // From syncing and live as well: a client moves when its server shuts down.
  connect: ['idle', 'syncing', 'live', 'offline', 'authRequired', 'closed'],
  authenticated: ['connecting'],
  caughtUp: ['syncing'],
  lost: ['connecting', 'syncing', 'live'],
  refused: ['connecting', 'syncing', 'live'],
  cancelled: ['connecting', 'syncing', 'offline'],
  ended: ['idle', 'connecting', 'syncing', 'live', 'offline', 'authRequired', 'closed'],
};

/** The state after `event`; the same object when the state does not hear it. */
export function transition(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  if (!heardIn[event.type].includes(state.name)) return state;
  switch (event.type) {
    case 'connect':
      return { name: 'connecting', attempt: event.attempt };
    case 'authenticated':
      return { name: 'syncing' };
    case 'caughtUp':
      return { name: 'live', since: event.at };
    case 'lost':
      return { name: 'offline', reason: event.reason, code: event.code, retryAt: event.retryAt, attempt: event.attempt };
    case 'refused':
      return { name: 'authRequired', reason: event.reason };
    case 'cancelled':
      return { name: 'idle' };
    case 'ended':
      return { name: 'closed', reason: event.reason, message: event.message, code: event.code };
  }
}
