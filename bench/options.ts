// The command line of the bench.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { RemotePlan } from './remote.ts';
import { scenarios } from './scenarios/index.ts';

export interface Options {
  scenarios: string[];
  quick: boolean;
  /** Directory for CPU profiles of the server. */
  profile: string | undefined;
  json: string | undefined;
  help: boolean;
  /** Measure this server instead of starting one. */
  remote: RemotePlan | undefined;
}

export const usage = `Usage: script/bench [scenario…] [--quick] [--json FILE] [--profile DIR]
       script/bench --url URL --token TOKEN | --tokens FILE [--in-flight N] [--seconds N] [--json FILE]

The first form starts PostgreSQL, the server, a bare server as the ceiling and a load generator, all on this machine, and
measures. The second sends to a server that runs already. Exit code 1 when anything was lost, doubled or reordered, 2 when
it could not be measured.

Scenarios (default: all):
${[...scenarios].map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`).join('\n')}

Options:
  --quick        short rounds, all scenarios within 20 s; the figures are rough
  --json FILE    write every figure as JSON: [{ scenario, system, params, metric, unit, value, runs }]
  --profile DIR  run the server under the CPU profiler, keep the .cpuprofile files there, and list where the time went
  --url URL      WebSocket URL of the server to measure, ws:// or wss://, with its path
  --token TOKEN  token of one session; may be given several times
  --tokens FILE  file of tokens, one a line, one session each
  --in-flight N  sends each session keeps open (default 1)
  --seconds N    how long to send (default 10)
  --help         this text`;

const flags = {
  quick: { type: 'boolean', default: false },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
  json: { type: 'string' },
  url: { type: 'string' },
  token: { type: 'string', multiple: true, default: [] as string[] },
  tokens: { type: 'string' },
  'in-flight': { type: 'string', default: '1' },
  seconds: { type: 'string', default: '10' },
} as const;

/** @throws Error on an unknown scenario or option. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: flags });
  const unknown = positionals.find((name) => !scenarios.has(name));
  if (unknown) throw new Error(`unknown scenario ${unknown}; there are ${[...scenarios.keys()].join(', ')}`);
  const { quick, profile, help, json, url } = values;
  const tokens = [...values.token, ...(values.tokens ? readFileSync(values.tokens, 'utf8').split(/\s+/).filter(Boolean) : [])];
  if (url && tokens.length === 0) throw new Error('--url needs --token or --tokens');
  const remote = url
    ? { url, tokens, inFlight: count('in-flight', values['in-flight']), seconds: count('seconds', values.seconds) }
    : undefined;
  return { scenarios: positionals.length > 0 ? positionals : [...scenarios.keys()], quick, profile, help, json, remote };
}

function count(name: string, value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new Error(`--${name} must be a whole number from 1 to 999999`);
  return Number(value);
}
