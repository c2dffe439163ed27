// From what Fastify or Node's parser throws to the words clients see. Texts of unexpected errors stay inside.

import { STATUS_CODES } from 'node:http';
import type { ErrorCode } from '../../protocol/index.ts';

export interface ErrorAnswer {
  code: ErrorCode;
  message: string;
}

const codesByStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [400, 'INVALID_BODY'],
  [401, 'NOT_AUTHENTICATED'],
  [403, 'ACCESS_DENIED'],
  [404, 'NOT_FOUND'],
  [413, 'TOO_LARGE'],
  [429, 'RATE_LIMIT_EXCEEDED'],
  [503, 'UNAVAILABLE'],
]);

/** Status and body for an error that a route or the framework threw. */
export function errorBody(error: { statusCode?: number; message: string }): { status: number; body: ErrorAnswer } {
  const status = error.statusCode ?? 500;
  if (status >= 500) {
    const code = codesByStatus.get(status) ?? 'INTERNAL';
    return {
      status,
      body: { code, message: code === 'UNAVAILABLE' ? 'The server cannot answer this now.' : 'The server failed to answer.' },
    };
  }
  return { status, body: { code: codesByStatus.get(status) ?? 'INVALID_BODY', message: error.message } };
}

/** Status line and body for bytes that Node's HTTP parser refused. */
export function statusError(parserCode: string | undefined): { status: number; reason: string; body: ErrorAnswer } {
  if (parserCode === 'ERR_HTTP_REQUEST_TIMEOUT') return named(408, { code: 'BAD_FRAME', message: 'The request took too long to arrive.' });
  if (parserCode === 'HPE_HEADER_OVERFLOW') return named(431, { code: 'TOO_LARGE', message: 'The request headers are too large.' });
  return named(400, { code: 'BAD_FRAME', message: 'The bytes are not an HTTP request.' });
}

function named(status: number, body: ErrorAnswer): { status: number; reason: string; body: ErrorAnswer } {
  return { status, reason: STATUS_CODES[status] ?? '', body };
}
