// Who types: renewed, ended, and never stuck.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../../client-sdk/index.ts';
import { MemoryServer, VirtualClock } from '../../../client-sdk/testing/index.ts';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
let ana: Recorded;
let luis: Recorded;

beforeEach(async () => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis', 'bot-1']);
  ana = await h.live('ana');
  luis = await h.live('luis');
});
afterEach(() => h.close());

const of = (recorded: Recorded, id = 'c1') => recorded.client.conversation(id);
const commandsOf = (recorded: Recorded, name: string) =>
  h.server.sessions
    .filter(({ userId }) => userId === recorded.client.identity?.userId)
    .flatMap(({ commands }) => commands.filter((one) => one.name === name));

describe('typing', () => {
  const events = (recorded: Recorded) => {
    const seen: string[] = [];
    of(recorded).on('typing', ({ userId, typing }) => seen.push(`${userId} ${typing}`));
    return seen;
  };

  test('is renewed, not repeated; ends with a stop; is never one’s own', async () => {
    const [mine, theirs] = [events(ana), events(luis)];
    for (let i = 0; i < 50; i++) {
      of(ana).typing.start();
      await h.clock.advance(100);
    }
    expect(commandsOf(ana, 'typing:start')).toHaveLength(2);
    expect(of(luis).typing.users).toEqual(['ana']);
    of(ana).typing.stop();
    of(ana).typing.stop();
    await h.clock.advance(20);
    expect(commandsOf(ana, 'typing:stop')).toHaveLength(1);
    expect(theirs).toEqual(['ana true', 'ana false']);
    expect(mine).toEqual([]);
  });

  test('is told, too, when the clock has only begun to run', async () => {
    const server = new MemoryServer({ clock: new VirtualClock(0) });
    server.conversation('c1', ['ana']);
    const client = createClient(server.options('ana'));
    await server.clock.run(client.connect());
    client.conversation('c1').typing.start();
    await server.clock.advance(20);
    expect(server.count('typing:start')).toBe(1);
    client.close();
  });

  test('ends by itself at the receiver', async () => {
    const theirs = events(luis);
    of(ana).typing.start();
    await h.clock.advance(10);
    h.losePushes('typing:stop');
    await h.clock.advance(5_990);
    expect(of(luis).typing.users).toEqual(['ana']);
    await h.clock.advance(20);
    expect(theirs).toEqual(['ana true', 'ana false']);
  });

  test('ends with a message of that user', async () => {
    const theirs = events(luis);
    of(ana).typing.start();
    await h.clock.advance(20);
    of(ana).send('done');
    await h.clock.advance(20);
    expect(theirs).toEqual(['ana true', 'ana false']);
    // The next keystroke begins anew, although the lease was not over.
    of(ana).typing.start();
    await h.clock.advance(20);
    expect(theirs.at(-1)).toBe('ana true');
  });

  test('nothing is sent for a lease that lapsed, nor without a connection', async () => {
    of(ana).typing.start();
    await h.clock.advance(6_100);
    of(ana).typing.stop();
    await h.clock.advance(20);
    expect(commandsOf(ana, 'typing:stop')).toEqual([]);
    h.cut('ana');
    await h.clock.advance(5);
    of(ana).typing.start();
    expect(ana.warnings).toEqual([]);
  });
});
