#!/usr/bin/env node
// The command line. Invariant: exit code 0 only when the command did what it says; 1 when it failed, 2 for a wrong call.
// The only file that reads process.env; the settings take it from here.

import { existsSync } from 'node:fs';
import { checkConfig } from './check-config.ts';
import { type Command, CommandFailed, commandHelp, overallHelp, parseOptions, UsageError } from './command.ts';
import { guarded } from './guarded.ts';
import { migrate } from './migrate.ts';
import { createOutput } from './output.ts';
import { send } from './send.ts';
import { serve } from './serve.ts';
import { describeFailure } from './start-failure.ts';
import { tail } from './tail.ts';
import { token } from './token.ts';
import { user } from './user.ts';
import { packageVersion } from './version.ts';
import { worker } from './worker.ts';

const commands: readonly Command[] = [serve, checkConfig, migrate, token, send, tail, user];
/** Run by other commands, not by people. */
const hidden: readonly Command[] = [guarded, worker];
const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  const output = createOutput(process.stdout, process.stderr, rest.includes('--json'));
  try {
    return await run(name, rest, output);
  } catch (error) {
    if (error instanceof UsageError) {
      output.note(`utalk ${name ?? ''}: ${error.message}\nutalk ${name ?? ''} --help describes it.`);
      return exitCodes.usage;
    }
    output.note(error instanceof CommandFailed ? error.message : (describeFailure(error) ?? ((error as Error).stack || String(error))));
    return exitCodes.failed;
  } finally {
    await output.flushed();
  }
}

async function run(name: string | undefined, args: readonly string[], output: ReturnType<typeof createOutput>): Promise<number> {
  if (name === '--version') {
    output.print(packageVersion(), { version: packageVersion() });
    return exitCodes.done;
  }
  if (name === '--help' || name === 'help') {
    output.text(overallHelp(commands));
    return exitCodes.done;
  }
  const command = [...commands, ...hidden].find((candidate) => candidate.name === name);
  if (command === undefined) {
    output.note(`${name === undefined ? '' : `utalk: there is no command ${name}\n\n`}${overallHelp(commands)}`);
    return exitCodes.usage;
  }
  const values = parseOptions(command, args);
  if (values.help) {
    output.text(commandHelp(command));
    return exitCodes.done;
  }
  return command.run({ environment: environment(), output, stop: stopSignal() }, values);
}

/** The environment; a file .env in the working directory fills in what is not set. */
function environment(): Readonly<Record<string, string | undefined>> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/** Aborts at the first SIGINT or SIGTERM; the second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(exitCodes.failed);
      stopping.abort();
    });
  }
  return stopping.signal;
}

process.exit(await main(process.argv.slice(2)));
