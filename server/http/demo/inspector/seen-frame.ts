// A frame of somebody's wire as the inspector keeps it, and how it is put into words and bytes on the page.

import type { WireFrame } from '../lab/frame.ts';
import type { Person } from '../panel-view.ts';
import { countWords, instantWords, millisecondsWords } from '../wording.ts';

export interface SeenFrame {
  /** Rising by one over all wires. */
  readonly number: number;
  readonly person: Person;
  readonly frame: WireFrame;
}

/** Bytes beyond these are counted, not shown. */
const maxHexBytes = 2_048;
const maxBodyCharacters = 20_000;

const arrows = { in: '↓', out: '↑' } as const;
const keepalives = new Set(['ping', 'alive']);

/** The columns of a row. What is absent is an empty text. */
export function cellsOf({ person, frame }: SeenFrame): Readonly<Record<string, string>> {
  return {
    time: instantWords(frame.at),
    who: person.name,
    way: arrows[frame.direction],
    kind: frame.kind,
    name: frame.name,
    request: frame.requestId === undefined ? '' : `#${frame.requestId}`,
    size: `${countWords(frame.bytes.length)} B`,
    trip: frame.roundTripMs === undefined ? '' : `${millisecondsWords(frame.roundTripMs)} ms`,
    fate: frame.fate === 'passed' ? '' : frame.fate,
  };
}

/** The frame in one sentence. */
export function sentenceOf({ person, frame }: SeenFrame): string {
  const way = frame.direction === 'out' ? `${person.name} to server` : `server to ${person.name}`;
  const request = frame.requestId === undefined ? '' : ` ${frame.requestId}`;
  const trip = frame.roundTripMs === undefined ? '' : `, after ${millisecondsWords(frame.roundTripMs)} ms`;
  const fate = frame.fate === 'passed' ? '' : `, ${frame.fate}`;
  return `${way}: ${frame.kind} ${frame.name}${request}, ${countWords(frame.bytes.length)} bytes${trip}${fate}`;
}

/** Whether it only says that somebody is there. */
export function isKeepalive({ frame }: SeenFrame): boolean {
  return keepalives.has(frame.name);
}

/** The decoded body as JSON. */
export function bodyText({ frame }: SeenFrame): string {
  const text = JSON.stringify(frame.body, (_key, value) => (ArrayBuffer.isView(value) ? `${value.byteLength} bytes` : value), 2) ?? '';
  return text.length > maxBodyCharacters
    ? `${text.slice(0, maxBodyCharacters)}\n… ${countWords(text.length - maxBodyCharacters)} more characters`
    : text;
}

/** Lines of an offset, `perLine` bytes in hexadecimal digits, and what of them is printable. */
export function hexText(bytes: Uint8Array, perLine: number): string {
  const lines: string[] = [];
  const end = Math.min(bytes.length, maxHexBytes);
  for (let offset = 0; offset < end; offset += perLine) {
    const row = Array.from(bytes.subarray(offset, Math.min(offset + perLine, end)));
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const plain = row.map((byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${offset.toString(16).padStart(4, '0')}  ${hex.padEnd(perLine * 3 - 1)}  ${plain}`);
  }
  if (bytes.length > end) lines.push(`… ${countWords(bytes.length - end)} more bytes`);
  return lines.join('\n');
}
