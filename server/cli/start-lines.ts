// What `serve` prints when it is up: five lines in a fixed format, which are the first documentation a newcomer sees.

import { isLoopback, type Settings } from '../config.ts';

export interface Started {
  settings: Settings;
  port: number;
  httpPort: number;
  /** How the command line is called here: `npx utalk` or `npm run --silent utalk --`. */
  program: string;
  /** Where the data lies, and is removed to start anew; none with a database of the operator. */
  dataDirs: readonly string[];
  demo?: { conversationId: string; token: string } | undefined;
}

export interface StartLines {
  page: string;
  webSocket: string;
  token: string;
  send: string;
  stop: string;
}

const defaultPort = 3001;

/** The five values; `formatStartLines` puts them into lines. */
export function startLines(started: Started): StartLines {
  const { settings, port, httpPort, demo } = started;
  const host = isLoopback(settings.host) || settings.host === '0.0.0.0' || settings.host === '::' ? 'localhost' : settings.host;
  const url = settings.publicUrl ?? `ws://${host.includes(':') ? `[${host}]` : host}:${port}/app`;
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}/`;
  return {
    page: demo ? base : `only in development mode; health is at ${base}health`,
    webSocket: url,
    token: demo?.token ?? 'signed by your application with the configured key (README, "Where tokens come from")',
    send: sendLine(started, port),
    stop: stopLine(started),
  };
}

function sendLine({ settings, demo, program }: Started, port: number): string {
  const place = settings.dataDir === '.utalk' ? '' : `UTALK_DATA_DIR=${quoted(settings.dataDir)} `;
  const url = port === defaultPort ? '' : ` --url ws://localhost:${port}`;
  if (demo) return `${place}${program} send${url} --conversation ${demo.conversationId} --text "Hello from the terminal"`;
  return `UTALK_TOKEN=<token> ${program} send${url} --conversation <id> --text "Hello from the terminal"`;
}

function stopLine({ settings, dataDirs }: Started): string {
  if (dataDirs.length === 0) return `Ctrl-C or SIGTERM; clients are told to come back over ${settings.drainWindowMs} ms`;
  return `Ctrl-C; to start anew afterwards: rm -rf ${dataDirs.map(quoted).join(' ')}`;
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The lines for people. */
export function formatStartLines(lines: StartLines): string {
  return [
    `Page:      ${lines.page}`,
    `WebSocket: ${lines.webSocket}`,
    `Token:     ${lines.token}`,
    `Send:      ${lines.send}`,
    `Stop:      ${lines.stop}`,
  ].join('\n');
}
