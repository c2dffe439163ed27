// What to do about each error, in words: an entry of its own, for those who show or log them. docs/ERRORS.md says more.

import type { UTalkError } from './errors.ts';

/** By error code. */
export const remedies: Readonly<Record<string, string>> = {
  BAD_FRAME: 'Use the SDK, or compare the encoder with protocol/vectors.json.',
  INVALID_BODY: 'Correct the body; the message names the field.',
  UNKNOWN_COMMAND: 'Use the path that offers the command, or update the server.',
  NOT_AUTHENTICATED: 'Return a fresh token from the auth function.',
  ACCESS_DENIED: 'The role or the membership does not allow this: use another role, or add the user.',
  NOT_FOUND: 'Check the id; what may not be seen looks the same.',
  RATE_LIMIT_EXCEEDED: 'Wait retryAfterMs.',
  ID_REUSED: 'Make a new id for a new content.',
  CONFLICT: 'Read the newer entries in details and decide again.',
  OWNERSHIP_CHANGED: 'Decide again on the ownerEpoch in details.',
  CONVERSATION_CLOSED: 'Reopen the conversation first.',
  ROOM_FULL: 'Remove a member, or raise the member cap.',
  TOO_LARGE: 'Send less: a frame takes 64 KiB.',
  UNAVAILABLE: 'Try again later; the same id makes a repeat harmless.',
  INTERNAL: 'Try again once, then look for the request in the log of the server.',
  TIMEOUT: 'Try again; the same id makes a repeat harmless.',
  DISCONNECTED: 'Try again when the client is live; messages wait by themselves.',
  CLOSED: 'Call connect() to open the client again.',
  AUTH_REQUIRED: 'Sign in again, then call connect().',
  OUTBOX_FULL: 'Wait for acknowledgements, see drain().',
};

/** What to do about this error; for a code that is newer than this table, what the error itself says. */
export function remedyOf(error: UTalkError): string {
  return remedies[error.code] ?? error.remediation;
}
