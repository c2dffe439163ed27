// Frames of a memory server held against the schemas of the protocol, which the memory server itself cannot bring along.

import { Compile } from 'typebox/compile';
import type { Frame } from '../../client-sdk/testing/index.ts';
import { commandBodies } from '../../protocol/bodies/commands.ts';
import { ErrorBody, pushBodies } from '../../protocol/bodies/pushes.ts';
import type { CommandName, PushName } from '../../protocol/index.ts';

type Check = { Check(value: unknown): boolean };

const compiled = new Map<string, Check>();

/** @returns the frames that break their schema, in words */
export function malformed(frames: readonly Frame[]): string[] {
  return frames
    .filter((frame) => frame.name === 'unknown' || !checkOf(frame).Check(sent(frame.body)))
    .map(({ kind, name, body }) => `${kind} ${name} ${JSON.stringify(body)}`);
}

function checkOf({ kind, name }: Frame): Check {
  const key = kind === 'error' ? kind : `${kind} ${name}`;
  const known = compiled.get(key) ?? Compile(schemaOf(kind, name));
  compiled.set(key, known);
  return known;
}

function schemaOf(kind: Frame['kind'], name: string) {
  if (kind === 'error') return ErrorBody;
  if (kind === 'push') return pushBodies[name as PushName];
  return commandBodies[name as CommandName][kind === 'command' ? 'input' : 'output'];
}

/** As it comes out of the wire: what is undefined is not there. */
function sent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sent);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, sent(inner)]));
}
