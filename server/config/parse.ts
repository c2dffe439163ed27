// The text of one variable → its value, or what was expected instead.

import { Value } from 'typebox/value';
import type { SettingRow } from './schema.ts';

export type ParsedSetting = { value: unknown } | { expected: string };

interface SchemaWords {
  type?: string;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
}

const flags = new Map<string, boolean>([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
]);

/** Reads the text of a variable by the type of its row: integer, 0 or 1, a word, a list separated by commas, a text. */
export function parseSetting(row: SettingRow, text: string): ParsedSetting {
  const value = convert(row.schema as SchemaWords, text.trim());
  if (value !== undefined && Value.Check(row.schema, value)) return { value };
  return { expected: expectation(row.schema) };
}

function convert(schema: SchemaWords, text: string): unknown {
  if (schema.type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (schema.type === 'boolean') return flags.get(text.toLowerCase());
  if (schema.type === 'array')
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  // Files of variables cannot hold line ends, so a PEM in one writes them as \n.
  return text.startsWith('-----BEGIN') ? text.replaceAll('\\n', '\n') : text;
}

/** What a value of this schema looks like, in words. */
export function expectation(schema: object): string {
  const { type, enum: words, minimum, maximum } = schema as SchemaWords;
  if (words) return `one of ${words.join(', ')}`;
  if (type === 'integer') return `a whole number from ${minimum} to ${maximum}`;
  if (type === 'boolean') return '0 or 1';
  if (type === 'array') return 'values separated by commas';
  return 'a text';
}
