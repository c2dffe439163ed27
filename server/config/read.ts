// Environment → settings. All faults are found before anything is thrown, and no value of a secret is ever in a message.

import { readFileSync } from 'node:fs';
import { StartError } from '../errors.ts';
import { foreignFaults, nearMisses } from './foreign.ts';
import { parseSetting } from './parse.ts';
import { completeSettings, settingsFaults } from './rules.ts';
import { type SettingRow, type Settings, settingRows } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface SettingsReading {
  settings: Settings;
  /** Sentences for the log: nothing that stops the start. */
  warnings: string[];
}

/**
 * Reads the settings from the environment. An empty variable counts as absent.
 * @throws StartError that lists every fault, one a line.
 */
export function readSettings(environment: Environment): SettingsReading {
  const faults = foreignFaults(environment);
  const given: Record<string, unknown> = {};
  for (const row of settingRows) {
    const value = settingValue(row, environment, faults);
    if (value !== undefined) given[row.key] = value;
  }
  const settings = completeSettings(given as Partial<Settings>);
  const ruled = settingsFaults(settings);
  faults.push(...ruled.faults);
  if (faults.length > 0) throw new StartError(faultList(faults));
  return { settings, warnings: [...ruled.warnings, ...nearMisses(environment)] };
}

function settingValue(row: SettingRow, environment: Environment, faults: string[]): unknown {
  const text = settingText(row, environment, faults);
  if (text === undefined) return undefined;
  const parsed = parseSetting(row, text);
  if ('value' in parsed) return parsed.value;
  faults.push(`${row.variable}: expected ${parsed.expected}${row.secret ? '' : `, got "${text.slice(0, 80)}"`}`);
  return undefined;
}

function settingText(row: SettingRow, environment: Environment, faults: string[]): string | undefined {
  const direct = environment[row.variable] || undefined;
  const file = row.secret ? environment[`${row.variable}_FILE`] || undefined : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) {
    faults.push(`${row.variable} and ${row.variable}_FILE are both set: keep one of them`);
    return undefined;
  }
  try {
    const content = readFileSync(file, 'utf8').trim();
    if (content !== '') return content;
    faults.push(`${row.variable}_FILE: the file ${file} is empty`);
  } catch (error) {
    faults.push(`${row.variable}_FILE: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
  return undefined;
}

/** The text of a StartError for faults of the settings. */
export function faultList(faults: readonly string[]): string {
  const heading = faults.length === 1 ? 'One setting is wrong' : `${faults.length} settings are wrong`;
  return `${heading} (all of them are described in .env.example):\n${faults.map((fault) => `  ${fault}`).join('\n')}`;
}
