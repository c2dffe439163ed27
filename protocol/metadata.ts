// The bounds of free data (DECISIONS C15). What passes here cannot poison a batch: PostgreSQL refuses NUL and lone
// surrogates in jsonb, JSON turns NaN into null, and integers beyond 2^53 change their value.

import { limits } from './limits.ts';

/**
 * Says what is wrong with a metadata map, or undefined when it is within the limits: a map of JSON values, depth at most 4
 * (the map itself counted), at most 32 keys in all, at most 4 KiB as JSON.
 */
export function checkMetadata(metadata: unknown): string | undefined {
  if (!isPlainMap(metadata)) return 'metadata must be a map';
  const count = { keys: 0 };
  const fault = checkValue(metadata, 1, count);
  if (fault) return fault;
  // Four bytes is the most a UTF-16 unit can take as JSON before escaping, so short ones need no exact count.
  const json = JSON.stringify(metadata);
  if (json.length > limits.maxMetadataBytes || utf8Length(json) > limits.maxMetadataBytes)
    return `metadata exceeds ${limits.maxMetadataBytes} bytes`;
  return undefined;
}

function checkValue(value: unknown, depth: number, count: { keys: number }): string | undefined {
  switch (typeof value) {
    case 'string':
      return checkString(value);
    case 'number':
      if (!Number.isFinite(value)) return 'metadata holds a number that JSON does not have';
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? 'metadata holds an integer beyond 2^53' : undefined;
    case 'boolean':
      return undefined;
    case 'object':
      break;
    default:
      return `metadata holds a ${typeof value}`;
  }
  if (value === null) return undefined;
  if (depth > limits.maxMetadataDepth) return `metadata is deeper than ${limits.maxMetadataDepth}`;
  if (Array.isArray(value)) return firstFault(value, depth, count);
  if (!isPlainMap(value)) return 'metadata holds a value that JSON does not have';
  const keys = Object.keys(value);
  // Decoders write it under another name, lest it change the prototype: what comes back would not be what was sent.
  if (keys.includes('__proto__')) return 'metadata holds a key __proto__';
  count.keys += keys.length;
  if (count.keys > limits.maxMetadataKeys) return `metadata has more than ${limits.maxMetadataKeys} keys`;
  return firstFault(keys, depth, count) ?? firstFault(Object.values(value), depth, count);
}

function firstFault(values: unknown[], depth: number, count: { keys: number }): string | undefined {
  for (const value of values) {
    const fault = checkValue(value, depth + 1, count);
    if (fault) return fault;
  }
  return undefined;
}

function checkString(value: string): string | undefined {
  if (value.includes('\u0000')) return 'metadata holds a NUL';
  return value.isWellFormed() ? undefined : 'metadata holds a lone surrogate';
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}
