// The shape of a command: its options are declared once, and parsing, types and help come from the declaration.

import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { Output } from './output.ts';

/** A wrong call, not a failed one: exit code 2. */
export class UsageError extends Error {}

/** The command could not do what it says, for a reason that can be told in words: exit code 1, no stack. */
export class CommandFailed extends Error {}

export interface Option {
  type: 'string' | 'boolean';
  /** How the value is written in help: `<id>`. */
  value?: string;
  description: string;
  default?: string;
  required?: boolean;
}

type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O['type'] extends 'boolean'
  ? boolean
  : O extends { default: string } | { required: true }
    ? string
    : string | undefined;

export type Values<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

export interface Context {
  environment: Readonly<Record<string, string | undefined>>;
  output: Output;
  /** Aborts at the first SIGINT or SIGTERM. */
  stop: AbortSignal;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly options: Options;
  readonly examples: readonly string[];
  /** Resolves to the exit code: 0 only when the command did what it says. */
  run(context: Context, values: Values<Options>): Promise<number>;
}

/** Declares a command; the types of `values` follow from its options. */
export function defineCommand<const O extends Options>(command: {
  name: string;
  summary: string;
  options: O;
  examples?: readonly string[];
  run(context: Context, values: Values<O>): Promise<number>;
}): Command {
  return { examples: [], ...command, run: (context, values) => command.run(context, values as Values<O>) };
}

/** Options that every command has. */
export const sharedOptions = {
  json: { type: 'boolean', description: 'Print one JSON object a line' },
  help: { type: 'boolean', description: 'Print this help' },
} as const satisfies Options;

/**
 * Reads the arguments after the name of the command.
 * @throws UsageError for unknown, missing and malformed options.
 */
export function parseOptions(command: Command, args: readonly string[]): Values<Options> {
  const declared: Options = { ...command.options, ...sharedOptions };
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({ args: [...args], options: toParseArgs(declared), strict: true, allowPositionals: false }).values as typeof values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const complete = Object.entries(declared).map(([name, option]) => [
    name,
    values[name] ?? (option.type === 'boolean' ? false : option.default),
  ]);
  if (!values.help) refuseMissing(declared, values);
  return Object.fromEntries(complete) as Values<Options>;
}

function refuseMissing(declared: Options, values: Record<string, unknown>): void {
  const missing = Object.entries(declared).filter(([name, option]) => option.required && values[name] === undefined);
  if (missing.length > 0) throw new UsageError(`missing ${missing.map(([name, option]) => `--${name} ${option.value}`).join(', ')}`);
}

function toParseArgs(options: Options): ParseArgsOptionsConfig {
  return Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type }]));
}

/** Help of one command. */
export function commandHelp(command: Command): string {
  const rows = Object.entries({ ...command.options, ...sharedOptions } as Options).map(([name, option]) => [
    `  --${name}${option.value ? ` ${option.value}` : ''}`,
    `${option.description}${option.required ? ' (required)' : ''}${option.default === undefined ? '' : ` (default ${option.default})`}`,
  ]);
  const examples = command.examples.length === 0 ? [] : ['', 'Examples:', ...command.examples.map((line) => `  ${line}`)];
  return [`Usage: utalk ${command.name} [options]`, '', command.summary, '', 'Options:', ...columns(rows), ...examples].join('\n');
}

/** Help of the command line as a whole. */
export function overallHelp(commands: readonly Command[]): string {
  const rows = commands.map((command) => [`  ${command.name}`, command.summary]);
  return [
    'Usage: utalk <command> [options]',
    '',
    'Commands:',
    ...columns(rows),
    '',
    'utalk <command> --help describes a command; utalk --version prints the version.',
    'Exit code: 0 done, 1 failed, 2 wrong call.',
  ].join('\n');
}

function columns(rows: readonly string[][]): string[] {
  const width = Math.max(...rows.map(([left]) => left!.length));
  return rows.map(([left, right]) => `${left!.padEnd(width)}  ${right}`);
}
