// Standard output of a command: results only, one a line. When the reader goes away (`utalk tail | head`), nothing throws:
// `closed` aborts and further lines are dropped.

import type { Writable } from 'node:stream';

export interface Output {
  /** Prints the object as JSON, or the line for people when the command runs without --json. */
  print(line: string, object: Record<string, unknown>): void;
  /** Prints a text as it is. */
  text(text: string): void;
  /** A remark on standard error. */
  note(text: string): void;
  /** Whether --json was given. */
  readonly json: boolean;
  /** Aborts when nobody reads any more. */
  readonly closed: AbortSignal;
  /** Resolves when the reader may take more; at once unless many lines wait. */
  ready(): Promise<void>;
  /** Resolves when all lines have been taken, or nobody reads any more. */
  flushed(): Promise<void>;
}

export function createOutput(stdout: Writable, stderr: Writable, json: boolean): Output {
  const gone = new AbortController();
  stdout.on('error', () => gone.abort());
  stderr.on('error', () => {});
  const write = (line: string) => {
    if (!gone.signal.aborted) stdout.write(`${line}\n`);
  };
  const untilDrained = () => eventOrGone(stdout, 'drain', gone.signal);

  return {
    json,
    closed: gone.signal,
    print: (line, object) => write(json ? JSON.stringify(object) : line),
    text: write,
    note: (text) => void stderr.write(`${text}\n`),
    ready: () => (stdout.writableNeedDrain ? untilDrained() : Promise.resolve()),
    flushed: async () => {
      if (stdout.writableLength > 0 && !gone.signal.aborted) await new Promise<void>((resolve) => stdout.write('', () => resolve()));
    },
  };
}

function eventOrGone(stream: Writable, event: string, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) resolve();
    stream.once(event, resolve);
    gone.addEventListener('abort', () => resolve(), { once: true });
  });
}
