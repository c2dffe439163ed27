// A client against the fake server: connecting, sending, receiving, reading history.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness } from './support/harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
});
afterEach(() => h.close());

describe('connecting', () => {
  test('auth, sync and a first send travel in one flight', async () => {
    h.server.logs.create('c1', ['ana', 'luis']);
    const { client } = h.client('ana');
    const sent = client.conversation('c1').send('hello');
    const connected = client.connect();
    await h.clock.advance(5);
    // The socket is open now; nothing has come back yet.
    expect(h.server.sessions).toHaveLength(1);
    await h.clock.advance(5);
    expect(h.server.sessions[0]?.commands.map(({ name }) => name)).toEqual(['auth', 'sync:state', 'message:send']);
    await h.clock.advance(5);
    await connected;
    expect(client.state).toBe('live');
    expect(await sent.acked).toMatchObject({ seq: 1, status: 'sent' });
    expect(client.identity?.userId).toBe('ana');
  });

  test('a message written before the user is known is found in the log by its owner', async () => {
    h.server.logs.create('c1', ['ana', 'luis']);
    const { client } = h.client('ana');
    const conversation = client.conversation('c1');
    const sent = conversation.send('hello');
    expect(conversation.entries).toMatchObject([{ sender: '', status: 'queued' }]);
    h.server.script = ({ name }) => (name === 'message:send' ? 'loseReply' : undefined);
    client.connect().catch(() => {});
    await h.clock.advance(50);
    expect(conversation.entries).toMatchObject([{ sender: 'ana', status: 'sent', seq: 1 }]);
    expect(await sent.acked).toMatchObject({ seq: 1 });
  });

  test('nothing that was asked for under one token is done under that of another user', async () => {
    h.server.logs.create('c1', ['ana', 'luis']);
    let token = 'ana';
    const { client } = await h.live('ana', { auth: () => token });
    const conversation = client.conversation('c1');
    await h.clock.run(conversation.join());
    await h.clock.run(client.room('r').join());
    h.server.say('luis', 'c1', 'hi');
    await h.clock.advance(50);
    h.cut('ana');
    await h.clock.advance(10);
    token = 'luis';
    const ended: unknown[] = [];
    const ask = () => {
      for (const asked of [client.call('echo'), client.room('r').publish('t', 1), client.presence.set('away'), conversation.read()])
        asked.then(ended.push.bind(ended), ({ code }) => ended.push(code));
      conversation.typing.start();
    };
    ask();
    client.on('state', ({ name }) => name !== 'closed' && ask());
    await h.clock.until(() => h.server.sessions.length === 2);
    ask();
    await h.clock.until(() => client.state === 'closed');
    await h.clock.advance(50);
    expect(h.server.sessions[1]?.commands.map(({ name }) => name)).toEqual(['auth', 'sync:state']);
    expect(new Set(ended)).toEqual(new Set(['CLOSED', undefined]));
  });

  test('two members talk', async () => {
    h.server.logs.create('c1', ['ana', 'luis']);
    const ana = await h.live('ana');
    const luis = await h.live('luis');
    ana.client.conversation('c1').send('hi');
    luis.client.conversation('c1').send({ text: 'hello', metadata: { mood: 'good' } });
    await h.clock.advance(50);
    expect(ana.texts).toEqual(['hi', 'hello']);
    expect(luis.texts).toEqual(['hi', 'hello']);
    expect(ana.client.conversation('c1').entries).toEqual(luis.client.conversation('c1').entries);
    expect(ana.entries[1]).toMatchObject({ seq: 2, sender: 'luis', type: 'text', metadata: { mood: 'good' } });
  });
});
