// The log: JSON lines through pino. What people wrote, tokens, passwords and phone numbers never reach it, whichever key,
// text, error or child binding carries them.

import { type DestinationStream, destination as fileDestination, type Logger, pino } from 'pino';
import { scrub, scrubText } from './log/scrub.ts';

export type Log = Logger;

/**
 * The root log. Children made with `log.child({ path, sessionId, command, requestId })` are scrubbed alike.
 * @param level least severe level written; `silent` for none.
 * @param destination where lines go; standard error when absent, because standard output belongs to the command line.
 */
export function createLog(level: string, destination: DestinationStream = fileDestination({ fd: 2, sync: true })): Log {
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => scrub(fields) as Record<string, unknown> },
      hooks: {
        logMethod(args, method) {
          method.apply(this, withoutSecrets(args) as typeof args);
        },
      },
      // scrub has made a plain object of the error already; pino's own serializer would take it for another class.
      serializers: { err: (error) => error },
    },
    destination,
  );
  return scrubChildren(root);
}

// Without a text of its own a line would take the error's, unscrubbed.
function withoutSecrets(args: readonly unknown[]): unknown[] {
  const [first, ...rest] = args;
  const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err;
  const texts = rest.length === 0 && error instanceof Error ? [error.message] : rest;
  const fields = first instanceof Error ? { err: first } : first;
  return [fields, ...texts].map((value) => (typeof value === 'string' ? scrubText(value) : value));
}

// pino applies its formatters to the fields of a line, not to those of a child; children inherit this method in turn.
function scrubChildren(root: Log): Log {
  const child = root.child;
  root.child = function scrubbedChild(this: Log, bindings: object, options?: object) {
    return child.call(this, scrub(bindings) as Record<string, unknown>, options as never);
  } as typeof root.child;
  return root;
}
