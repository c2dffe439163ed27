// What the SDK throws and rejects with: one class per family, all with a code, whether trying again may help, and a remedy.

import type { ErrorBody } from '../protocol/bodies/index.ts';

const remedies: Readonly<Record<string, string>> = {
  INVALID_BODY: 'Correct the body; the message names the field.',
  UNKNOWN_COMMAND: 'Use the path that offers the command, or update the server.',
  NOT_AUTHENTICATED: 'Return a fresh token from the auth function.',
  ACCESS_DENIED: 'The role or the membership does not allow this.',
  NOT_FOUND: 'Check the id; what may not be seen looks the same.',
  RATE_LIMIT_EXCEEDED: 'Wait retryAfterMs.',
  ID_REUSED: 'Make a new id for a new content.',
  CONFLICT: 'Read the newer entries in details and decide again.',
  OWNERSHIP_CHANGED: 'Decide again on the ownerEpoch in details.',
  CONVERSATION_CLOSED: 'Reopen the conversation first.',
  TOO_LARGE: 'Send less: a frame takes 64 KiB.',
  TIMEOUT: 'Try again; the same id makes a repeat harmless.',
  DISCONNECTED: 'Try again when the client is live.',
  CLOSED: 'Call connect() to open the client again.',
  AUTH_REQUIRED: 'Sign in again, then call connect().',
  OUTBOX_FULL: 'Wait for acknowledgements, see drain().',
};

/** Base of all errors of the SDK. */
export class UTalkError extends Error {
  /** One of the protocol's error codes, or TIMEOUT, DISCONNECTED, CLOSED, AUTH_REQUIRED, OUTBOX_FULL. */
  readonly code: string;
  /** The same call may succeed later without being changed. */
  readonly retryable: boolean;
  /** Wait at least this long before trying again. */
  readonly retryAfterMs?: number;
  readonly details?: Record<string, unknown>;

  constructor(code: string, message: string, more: { retryable?: boolean; retryAfterMs?: number; details?: Record<string, unknown> } = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.retryable = more.retryable ?? false;
    this.retryAfterMs = more.retryAfterMs;
    this.details = more.details;
  }

  /** What to do about it, in words. */
  get remediation(): string {
    return `${remedies[this.code] ?? 'Try again later.'} See docs/ERRORS.md#${this.code.toLowerCase()}`;
  }
}

/** The server refused a command. */
export class ServerError extends UTalkError {
  constructor(body: ErrorBody) {
    super(body.code, body.message, body);
  }
}

/** No answer came in time. Whether the command was carried out is not known. */
export class TimeoutError extends UTalkError {
  constructor(what: string, timeoutMs: number) {
    super('TIMEOUT', `${what} was not answered within ${timeoutMs} ms`, { retryable: true });
  }
}

/** There is no connection, or it broke before the answer. Whether the command was carried out is not known. */
export class DisconnectedError extends UTalkError {
  constructor(why: string) {
    super('DISCONNECTED', why, { retryable: true });
  }
}

/** The client was closed, by the application or by the server for good. */
export class ClosedError extends UTalkError {
  constructor(why: string) {
    super('CLOSED', why);
  }
}

/** No valid token could be had. */
export class AuthRequiredError extends UTalkError {
  constructor(why: string) {
    super('AUTH_REQUIRED', why);
  }
}

/** Too many messages wait for their acknowledgement. */
export class OutboxFullError extends UTalkError {
  constructor(limit: number) {
    super('OUTBOX_FULL', `${limit} messages are waiting already`, { retryable: true });
  }
}
