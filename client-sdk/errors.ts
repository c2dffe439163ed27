// What the SDK throws and rejects with: one class per family, all with a code, whether trying again may help, and a remedy.

import type { ErrorBody } from '../protocol/bodies/index.ts';

/** What is known of an error beside its code and its words. */
export interface ErrorDetails {
  /** The same call may succeed later without being changed. */
  retryable?: boolean;
  /** Wait at least this long before trying again. */
  retryAfterMs?: number;
  /** What the code needs to be understood: limits, newer entries, the present epoch. */
  details?: Record<string, unknown>;
}

/** Base of all errors of the SDK. */
export class UTalkError extends Error {
  /** The name of the class, also where a bundler has shortened it. */
  override readonly name: string = 'UTalkError';
  /** One of the protocol's error codes, or TIMEOUT, DISCONNECTED, CLOSED, AUTH_REQUIRED, OUTBOX_FULL, CANCELLED, STORE_FAILED. */
  readonly code: string;
  /** The same call may succeed later without being changed. */
  readonly retryable: boolean = false;
  /** Wait at least this long before trying again. */
  readonly retryAfterMs?: number;
  /** What the code needs to be understood: limits, newer entries, the present epoch. */
  readonly details?: Record<string, unknown>;

  /** An error with a code of the protocol or of the SDK. */
  constructor(code: string, message: string, details?: ErrorDetails) {
    super(message);
    this.code = code;
    Object.assign(this, details);
  }

  /** What to do about it, and where to read more; `remedyOf` of the entry `client/remedies` has a sentence of its own for each code. */
  get remediation(): string {
    return `${this.retryable ? 'Try again later.' : 'Change something before you try again.'} See docs/ERRORS.md#${this.code.toLowerCase()}`;
  }
}

/** The server refused a command. */
export class ServerError extends UTalkError {
  override readonly name = 'ServerError';

  /** The error reply as it came. */
  constructor(body: ErrorBody) {
    super(body.code, body.message, body);
  }
}

/** No answer came in time. Whether the command was carried out is not known. */
export class TimeoutError extends UTalkError {
  override readonly name = 'TimeoutError';

  /** `what` was not answered within `timeoutMs`. */
  constructor(what: string, timeoutMs: number) {
    super('TIMEOUT', `${what}: no answer within ${timeoutMs} ms`, { retryable: true });
  }
}

/** There is no connection, or it broke before the answer. Whether the command was carried out is not known. */
export class DisconnectedError extends UTalkError {
  override readonly name = 'DisconnectedError';

  /** `why` in words. */
  constructor(why: string) {
    super('DISCONNECTED', why, { retryable: true });
  }
}

/** The client was closed, by the application or by the server for good. */
export class ClosedError extends UTalkError {
  override readonly name = 'ClosedError';

  /** `why` in words. */
  constructor(why: string) {
    super('CLOSED', why);
  }
}

/** No valid token could be had. */
export class AuthRequiredError extends UTalkError {
  override readonly name = 'AuthRequiredError';

  /** `why` in words. */
  constructor(why: string) {
    super('AUTH_REQUIRED', why);
  }
}

/** Too many messages wait for their acknowledgement, or too large ones. */
export class OutboxFullError extends UTalkError {
  override readonly name = 'OutboxFullError';

  /** `count` messages of `bytes` together wait already. */
  constructor(count: number, bytes: number) {
    super('OUTBOX_FULL', `${count} messages of ${bytes} bytes are waiting`, { retryable: true });
  }
}
