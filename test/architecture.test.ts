// The floors of the house: who may import whom, and what only one place may touch. Every rule is also fed a violation,
// so that a rule that has gone blind fails too.

import { describe, expect, test } from 'vitest';
import {
  entryFaults,
  floorFaults,
  importsOf,
  longFiles,
  maxLines,
  nameFaults,
  packageFaults,
  protocolFaults,
  type SourceFile,
  sdkFaults,
  sources,
  textFaults,
} from './support/architecture.ts';

const server = sources('server');
const protocol = sources('protocol');
const sdk = sources('client-sdk');
const shipped = [...server, ...protocol, ...sdk];

describe('the house', () => {
  test('there is something to look at', () => {
    expect(server.length).toBeGreaterThan(40);
    expect(shipped.flatMap(importsOf).length).toBeGreaterThan(200);
  });

  test('a file imports from its own folder or a lower floor', () => expect(floorFaults(server)).toEqual([]));
  test('each package has one owner', () => expect(packageFaults(shipped)).toEqual([]));
  test('protocol imports nothing of the platform', () => expect(protocolFaults(protocol)).toEqual([]));
  test('the SDK imports tables and types only', () => expect(sdkFaults(sdk)).toEqual([]));
  test('no entry of the SDK brings another along', () => expect(entryFaults(sdk)).toEqual([]));
  test('no environment, default exports, enums or oversized files', () => expect(textFaults(shipped)).toEqual([]));
  test('folders and files have names', () => expect(nameFaults(shipped)).toEqual([]));

  test('files that are excused for their length are still long', () => {
    for (const file of longFiles.keys()) {
      expect(shipped.find(({ path }) => path === file)?.text.split('\n').length, file).toBeGreaterThan(maxLines);
    }
  });
});

describe('the rules can fail', () => {
  const file = (name: string, text: string): SourceFile[] => [{ path: name, text }];

  test.each([
    ['server/domain/log.ts', `import { dispatch } from '../commands/dispatch.ts';`],
    ['server/store/queue.ts', `import type { Bus } from '../bus/bus.ts';`],
    ['server/http/routes.ts', `import { Listener } from '../edge/listener.ts';`],
    ['server/session/session.ts', `const { app } = await import('../app.ts');`],
    ['server/domain/log.ts', `export * from '../session/session.ts';`],
    ['server/domain/log.ts', `import {\n  dispatch,\n} from '../commands/dispatch.ts';`],
    ['server/domain/log.ts', `import '../commands/dispatch.ts';`],
    ['server/config/read.ts', `import { createStore } from '../store/store.ts';`],
    ['server/commands/join.ts', `import { createClient } from '../../client-sdk/index.ts';`],
    ['server/new-file.ts', `import { limits } from '../protocol/index.ts';`],
  ])('floors: %s', (name, text) => expect(floorFaults(file(name, text))).toHaveLength(1));

  test.each([
    ['server/commands/join.ts', `import { limits } from '../../protocol/index.ts';`],
    ['server/cli/send.ts', `import { createClient } from '../../client-sdk/index.ts';`],
    ['server/app.ts', `import { Listener } from './edge/listener.ts';`],
    ['server/log.ts', `import { scrub } from './log/scrub.ts';`],
    ['server/domain/log.ts', `// import { dispatch } from '../commands/dispatch.ts';`],
  ])('floors let pass: %s', (name, text) => expect(floorFaults(file(name, text))).toEqual([]));

  test.each([
    ['server/edge/listener.ts', `import * as native from 'uWebSockets.js';`],
    ['server/app.ts', `import Fastify from 'fastify';`],
    ['client-sdk/codec.ts', `import { pack } from 'msgpackr';`],
    ['server/domain/log.ts', `import postgres from 'postgres';`],
  ])('owners: %s', (name, text) => expect(packageFaults(file(name, text))).toHaveLength(1));

  test.each([
    `import { Type } from 'typebox';`,
    `import fs from 'node:fs';`,
    `import { commandBodies } from '../protocol/bodies/index.ts';`,
    `import { limits } from '../protocol/index.ts';`,
    `import { useState } from 'react';`,
  ])('the SDK: %s', (text) => expect(sdkFaults(file('client-sdk/client.ts', text))).toHaveLength(1));

  test.each([
    ['client-sdk/engine.ts', `import { Keeper } from './store/keeper.ts';`],
    ['client-sdk/engine.ts', `import type { MemoryServer } from './testing/index.ts';`],
    ['client-sdk/errors.ts', `import { remedies } from './remedies.ts';`],
    ['client-sdk/client.ts', `const { useClient } = await import('./react/index.ts');`],
    ['client-sdk/store/journal.ts', `import { VirtualClock } from '../testing/virtual-clock.ts';`],
    ['client-sdk/react/provider.ts', `import { localStorageStore } from '../store/index.ts';`],
    ['client-sdk/testing/memory-storage.ts', `import { memoryStore } from '../store/memory.ts';`],
  ])('entries: %s', (name, text) => expect(entryFaults(file(name, text))).toHaveLength(1));

  test.each([
    ['client-sdk/engine.ts', `import type { Keeper } from './store/keeper.ts';`],
    ['client-sdk/store/journal.ts', `import { newId } from '../ids.ts';`],
    ['client-sdk/testing/frames.ts', `import { limits } from '../../protocol/limits.ts';`],
  ])('entries let pass: %s', (name, text) => expect(entryFaults(file(name, text))).toEqual([]));

  test('the SDK may take types of bodies and tables as values', () => {
    const text = `import type { Entry } from '../protocol/bodies/index.ts';\nimport { limits } from '../protocol/limits.ts';`;
    expect(sdkFaults(file('client-sdk/client.ts', text))).toEqual([]);
    const mixed = `import { type Entry, commandBodies } from '../protocol/bodies/index.ts';`;
    expect(sdkFaults(file('client-sdk/client.ts', mixed))).toHaveLength(1);
  });

  test.each([
    ['protocol/limits.ts', `import { readFileSync } from 'node:fs';`],
    ['protocol/codec.ts', `import { log } from '../server/log.ts';`],
  ])('protocol: %s', (name, text) => expect(protocolFaults(file(name, text))).toHaveLength(1));

  test.each([`const port = process.env.PORT;`, `export default function x() {}`, `export enum Colour {}`, 'x;\n'.repeat(maxLines + 1)])(
    'texts: case %#',
    (text) => expect(textFaults(file('server/domain/log.ts', text))).toHaveLength(1),
  );

  test.each(['server/utils/x.ts', 'server/domain/helpers.ts', 'client-sdk/manager.ts'])('names: %s', (name) =>
    expect(nameFaults(file(name, ''))).toHaveLength(1),
  );
});
