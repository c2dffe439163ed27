// Takes out of log fields what must not be kept: bodies by their key; tokens, credentials and phone numbers wherever they
// stand. The result is a bounded copy, the input is never changed.

const removed = '[removed]';
const maxDepth = 6;
const maxItems = 50;
const maxTextLength = 4_096;

/** Keys whose value is never logged, in lower case: what people wrote, and what opens doors. */
const hiddenKeys = new Set([
  'text',
  'metadata',
  'title',
  'message',
  'data',
  'body',
  'payload',
  'subject',
  'email',
  'token',
  'tokens',
  'accesstoken',
  'refreshtoken',
  'authorization',
  'cookie',
  'set-cookie',
  'sec-websocket-protocol',
  'password',
  'secret',
  'jwtsecret',
  'metricstoken',
  'databaseurl',
  'redisurl',
]);

/** A copy of the value without hidden keys, with its texts scrubbed. */
export function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  if (value instanceof Error) return scrubError(value, depth);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth >= maxDepth) return '[deep]';
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => scrub(item, depth + 1));
  return isPlain(value) ? scrubFields(value, depth) : summarize(value);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

// Instances hold sockets and keys; of HTTP requests and responses the one useful line is kept.
function summarize(value: object): unknown {
  const { method, url, statusCode } = value as { method?: unknown; url?: unknown; statusCode?: unknown };
  if (typeof method === 'string' && typeof url === 'string') return { method, url: scrubText(url.split('?')[0]!) };
  return typeof statusCode === 'number' ? { statusCode } : `[${value.constructor?.name ?? 'object'}]`;
}

function scrubFields(value: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value).slice(0, maxItems)) {
    copy[scrubText(key)] = hiddenKeys.has(key.toLowerCase()) && field !== undefined ? removed : scrub(field, depth + 1);
  }
  return copy;
}

// Errors of libraries carry the failed statement with its parameters (`detail`, `parameters`, `query`): only these fields stay.
function scrubError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as Error & { code?: unknown };
  return {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    message: scrubText(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    stack: scrubText(error.stack ?? ''),
    ...(error.cause instanceof Error && depth < maxDepth ? { cause: scrubError(error.cause, depth + 1) } : {}),
  };
}

const jwt = /\b[\w-]{8,}\.[\w-]{8,}\.[\w-]{16,}\b/g;
const bearer = /\b(bearer|basic)\s+[\w.~+/=-]+/gi;
const tokenParameter = /\b((?:access_|refresh_)?token=|utalk\.token\.)[^&\s"']+/gi;
const urlCredentials = /(\/\/)[^/\s:@]*:[^/\s@]*@/g;

// Ids and times are tried first and kept, so that the digits inside them are not taken for phone numbers.
const digitRuns =
  /(?<kept>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?)|(?<![0-9A-Za-z])\+?\d(?:[ ()-]{0,2}\d){7,14}(?![0-9A-Za-z])/gi;

/** The text without tokens, credentials and phone numbers (8 to 15 digits, with or without separators), cut at 4 KiB. */
export function scrubText(text: string): string {
  const cut = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return cut
    .replace(jwt, removed)
    .replace(bearer, `$1 ${removed}`)
    .replace(tokenParameter, `$1${removed}`)
    .replace(urlCredentials, `$1${removed}@`)
    .replace(digitRuns, (_run, kept: string | undefined) => kept ?? '[phone]');
}
