// The two errors thrown on purpose. Everything else that is thrown is a bug and flies to dispatch, which logs it.

import { type ErrorCode, errorCodes } from '../protocol/index.ts';

/** Answers the command with an error reply. */
export class CommandError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: { retryAfterMs?: number; details?: Record<string, unknown> } = {}) {
    super(message);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }
}

/** A fault in the settings or the surroundings that stops the start; its message says what to do. */
export class StartError extends Error {}
