// Values of options: texts in, numbers and lists out, a UsageError for anything else.

import { type Role, roles } from '../../protocol/index.ts';
import { UsageError } from './command.ts';

const unitSeconds = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
]);

/** A whole number within bounds. */
export function wholeNumber(option: string, text: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < minimum || value > maximum)
    throw new UsageError(`--${option} takes a whole number from ${minimum} to ${maximum}`);
  return value;
}

/** Seconds from `90`, `90s`, `15m`, `12h` or `7d`. */
export function seconds(option: string, text: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  const value = Number(digits) * (unitSeconds.get(unit || 's') ?? 1);
  if (digits === undefined || value < 1) throw new UsageError(`--${option} takes seconds or 15m, 12h, 7d`);
  return value;
}

/** Items separated by commas. */
export function items(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** A known role. */
export function roleName(text: string): Role {
  if (!roles.includes(text as Role)) throw new UsageError(`--role takes one of ${roles.join(', ')}`);
  return text as Role;
}
