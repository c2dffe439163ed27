// The answer no: an error reply, and the close that follows some of them.

import type { ErrorBody } from '../../protocol/bodies/index.ts';
import { type ErrorCode, errorCodes } from '../../protocol/errors.ts';

export class Refusal extends Error {
  readonly body: ErrorBody;
  /** The connection is closed behind the error. */
  readonly closeCode: number | undefined;

  constructor(code: ErrorCode, { closeCode, ...more }: Partial<ErrorBody> & { closeCode?: number } = {}) {
    super(more.message ?? code);
    this.body = { code, message: errorCodes[code].meaning, retryable: errorCodes[code].retryable, ...more };
    this.closeCode = closeCode;
  }
}
