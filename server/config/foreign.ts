// Variables that are not ours: names of the systems this one follows, and slips of the pen. Refusing them beats ignoring
// them: a cluster whose nodes silently run alone would be worse than one that does not start.

import type { Environment } from './read.ts';
import { settingRows } from './schema.ts';

const fixed = 'has no counterpart: the server fixes it; remove it';

/** Exact names and what to write instead. */
const replacements = new Map<string, string>([
  ['REDIS_HOST', 'use REDIS_URL'],
  ['REDIS_PORT', 'use REDIS_URL'],
  ['REDIS_PASSWORD', 'use REDIS_URL'],
  ['CORS_ORIGIN', 'use ALLOWED_ORIGINS'],
  ['FRONTEND_URL', 'use ALLOWED_ORIGINS'],
  ['WS_CORS_ORIGINS', 'use ALLOWED_ORIGINS'],
  ['SOCKET_CORS_ORIGINS', 'use ALLOWED_ORIGINS'],
  ['SOCKET_MAX_CONNECTIONS', 'use UTALK_MAX_CONNECTIONS'],
  ['WS_MAX_HTTP_BUFFER_SIZE', `${fixed} (frames of 64 KiB)`],
  ['WS_PING_INTERVAL', fixed],
  ['WS_PING_TIMEOUT', fixed],
  ['SOCKET_PING_INTERVAL', fixed],
  ['SOCKET_PING_TIMEOUT', fixed],
  ['ENABLE_SOCKET_MONITORING', 'metrics are always at /metrics; remove it'],
]);

/** Beginnings of names for which every other name is refused as well. */
const prefixes = new Map<string, string>([
  ['SOCKET_', 'is not a setting of this server; see .env.example'],
  ['WS_', 'is not a setting of this server; see .env.example'],
  ['DATABASE_POOL_', 'use DATABASE_POOL'],
]);

/** Read by the command line, not by the server. */
const commandLineNames = ['UTALK_TOKEN', 'UTALK_URL'];

const ownNames = new Set([
  ...settingRows.flatMap((row) => (row.secret ? [row.variable, `${row.variable}_FILE`] : [row.variable])),
  ...commandLineNames,
]);

/** Names that stop the start: those of other systems, and unknown ones that begin like ours. */
export function foreignFaults(environment: Environment): string[] {
  return setNames(environment).flatMap((name) => {
    const advice = replacements.get(name) ?? adviceByPrefix(name);
    if (advice !== undefined) return [`${name}: ${advice}`];
    if (!name.startsWith('UTALK_') || ownNames.has(name)) return [];
    const guess = nearest(name, 4);
    return [`${name}: no such setting${guess === undefined ? '' : `; did you mean ${guess}?`}`];
  });
}

/** Names without our prefix that are one or two letters off one of ours; they may belong to somebody else. */
export function nearMisses(environment: Environment): string[] {
  return setNames(environment).flatMap((name) => {
    if (name.length < 8 || ownNames.has(name) || name.startsWith('UTALK_')) return [];
    const guess = nearest(name, 2);
    return guess === undefined ? [] : [`${name} is not a setting; did you mean ${guess}?`];
  });
}

function adviceByPrefix(name: string): string | undefined {
  for (const [prefix, advice] of prefixes) if (name.startsWith(prefix) && !ownNames.has(name)) return advice;
  return undefined;
}

function setNames(environment: Environment): string[] {
  return Object.keys(environment).filter((name) => environment[name] && !isServiceLink(name, environment[name]));
}

// Kubernetes tells every container about services by variables: REDIS_PORT=tcp://10.0.0.7:6379, UTALK_SERVICE_HOST …
function isServiceLink(name: string, value: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(value) || /_SERVICE_(HOST|PORT)(_|$)/.test(name) || /_PORT_\d+_(TCP|UDP|SCTP)(_|$)/.test(name);
}

function nearest(name: string, farthest: number): string | undefined {
  const ranked = [...ownNames].map((own) => ({ own, distance: editDistance(name, own) })).sort((a, b) => a.distance - b.distance);
  return ranked[0] !== undefined && ranked[0].distance <= farthest ? ranked[0].own : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
