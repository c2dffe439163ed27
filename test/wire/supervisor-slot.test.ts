// A place among the workers, with real processes that fail in the ways real workers seldom do.

import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { defineSettings } from '../../server/config.ts';
import { StartError } from '../../server/errors.ts';
import { createLog } from '../../server/log.ts';
import { hungPulses } from '../../server/supervisor/messages.ts';
import { Slot } from '../../server/supervisor/slot.ts';

const program = fileURLToPath(new URL('../support/stand-in-worker.ts', import.meta.url));
const settings = defineSettings({ drainWindowMs: 0 });
const patience = { timeout: 10_000, interval: 10 };

let slot: Slot;
let behaviour: string;
let written: { msg: string; [field: string]: unknown }[];

function openSlot(first: string): Promise<void> {
  behaviour = first;
  written = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      written.push(JSON.parse(String(chunk)));
      done();
    },
  });
  slot = new Slot({ program, log: createLog('info', destination), start: () => ({ worker: behaviour, settings }) });
  return slot.open();
}
afterEach(() => slot.drain('the test is over'));

const lines = (msg: string) => written.filter((line) => line.msg === msg);

test('the first start fails with the words of the worker, and is not tried again', async () => {
  const refused = openSlot('is refused');
  await expect(refused).rejects.toBeInstanceOf(StartError);
  await expect(refused).rejects.toThrow('the port is gone');
  expect(slot.current).toBeUndefined();
  expect(written).toEqual([]);
});

test('a worker that ends without a word before it listens fails the start as well', async () => {
  await expect(openSlot('ends')).rejects.toThrow('ended with 4 before it listened');
});

test('who dies young is started again, twice as long after each time', async () => {
  await openSlot('dies young');
  await expect.poll(() => lines('a worker ended').length, patience).toBe(3);
  behaviour = 'listens';
  await expect.poll(() => slot.restarts, patience).toBe(3);
  expect(lines('a worker ended').map(({ outcome, againInMs }) => [outcome, againInMs])).toEqual([
    [3, 200],
    [3, 400],
    [3, 800],
  ]);
  expect(slot.current).toBeDefined();
});

test('a start that is refused later is tried again, and said once each time', async () => {
  await openSlot('listens');
  behaviour = 'is refused';
  slot.current?.kill();
  await expect.poll(() => lines('a worker could not be started').length, patience).toBe(2);
  behaviour = 'listens';
  await expect.poll(() => slot.current, patience).toBeDefined();
  expect(lines('a worker could not be started').map(({ reason, againInMs }) => [reason, againInMs])).toEqual([
    ['the port is gone', 400],
    ['the port is gone', 800],
  ]);
  expect(slot.restarts).toBe(1);
});

test('a successor that does not come to listen leaves the current worker where it is', async () => {
  await openSlot('listens');
  const old = slot.current;
  behaviour = 'is refused';
  await slot.replace('restart');
  expect(slot.current).toBe(old);
  expect(lines('a worker could not be replaced')).toHaveLength(1);
  expect(slot.restarts).toBe(0);
});

test('a successor takes over when the current worker dies meanwhile, and no third one is started', async () => {
  await openSlot('listens');
  const replaced = slot.replace('restart');
  slot.current?.kill();
  await replaced;
  await expect.poll(() => lines('a worker listens').length, patience).toBe(2);
  expect(slot.restarts).toBe(1);
  const { current } = slot;
  await slot.drain('over');
  expect(await current?.ended).toBe(0);
});

test('metrics that do not come are waited for no longer than said', async () => {
  await openSlot('listens');
  expect(await slot.current?.metrics(20)).toBeUndefined();
  const unanswered = slot.current?.metrics(60_000);
  slot.current?.kill();
  expect(await unanswered).toBeUndefined();
});

test('who misses too many pulses is killed and followed by another', async () => {
  await openSlot('listens');
  const { current } = slot;
  for (let i = 1; i < hungPulses; i++) slot.watch();
  expect(lines('a worker does not answer and is killed')).toEqual([]);
  slot.watch();
  expect(lines('a worker does not answer and is killed')).toHaveLength(1);
  expect(await current?.ended).toBe('SIGKILL');
  await expect.poll(() => slot.restarts, patience).toBe(1);
});

test('a place that is closed stays empty', async () => {
  await openSlot('listens');
  const { current } = slot;
  slot.kill();
  expect(await current?.ended).toBe('SIGKILL');
  await slot.replace('restart');
  expect(written.map(({ msg }) => msg)).toEqual(['a worker listens']);
});
