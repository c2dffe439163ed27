// Every frame of every connection in words, with what a fault made of it: the story that a failed test tells.

import type { CommandName, PushName } from '../../protocol/ops.ts';
import type { Fate } from './faults.ts';

/** One frame on the wire, as it was written. */
export interface Frame {
  /** ms since 1970 of the virtual clock. */
  readonly atMs: number;
  readonly sessionId: string;
  /** Absent before `auth`. */
  readonly userId?: string;
  readonly from: 'client' | 'server';
  readonly kind: 'command' | 'reply' | 'error' | 'push';
  /** Of a reply or an error: the command that it answers. */
  readonly name: CommandName | PushName | 'unknown';
  /** The request id; absent for pushes. */
  readonly id?: number;
  readonly body: unknown;
  readonly bytes: number;
  /** What a fault did to it; absent when it arrived as it should. */
  fate?: Fate;
}

/** Something that happened to a connection besides frames. */
export interface Happening {
  readonly atMs: number;
  readonly sessionId: string;
  readonly userId?: string;
  readonly what: string;
}

/** Records beyond this push out the oldest. */
const maxRecords = 20_000;

export class Recorder {
  #records: (Frame | Happening)[] = [];

  add(record: Frame | Happening): void {
    this.#records.push(record);
    if (this.#records.length > maxRecords) this.#records = this.#records.slice(-maxRecords / 2);
  }

  get frames(): readonly Frame[] {
    return this.#records.filter((record): record is Frame => 'kind' in record);
  }

  /** The newest `count` records, one line each. */
  words(count = maxRecords): string[] {
    return this.#records.slice(-count).map(inWords);
  }
}

function inWords(record: Frame | Happening): string {
  const head = `${record.atMs} ${record.sessionId} ${record.userId ?? '?'}`;
  if ('what' in record) return `${head} -- ${record.what}`;
  const { from, kind, name, id, body, fate } = record;
  const arrow = from === 'client' ? '>' : '<';
  const request = id === undefined ? '' : ` #${id}`;
  const verb = kind === 'command' || kind === 'push' ? '' : ` ${kind}`;
  const end = fate === undefined ? '' : ` [${typeof fate === 'string' ? fate : `delayed ${fate.delayMs} ms`}]`;
  return `${head} ${arrow} ${name}${request}${verb} ${JSON.stringify(body)}${end}`;
}
