// Outgoing messages: order through refusals, retries under the same id, and what ends a message.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SentMessage } from '../../../client-sdk/index.ts';
import type { Script } from '../../../client-sdk/testing/index.ts';
import { Harness, type Recorded } from './support/harness.ts';

let h: Harness;
let ana: Recorded;

beforeEach(async () => {
  h = new Harness();
  h.server.logs.create('c1', ['ana', 'luis']);
  h.server.logs.create('c2', ['ana', 'luis']);
  ana = await h.live('ana');
});
afterEach(() => h.close());

const say = (text: string, conversationId = 'c1') => ana.client.conversation(conversationId).send(text);
const stored = (conversationId = 'c1') => h.server.logs.get(conversationId).log.map(({ text }) => text);
const sends = () =>
  h.server.sessions
    .flatMap(({ commands }) => commands.filter(({ name }) => name === 'message:send'))
    .map(({ body }) => body as { text: string; messageId: string; first?: boolean });

/** Does `fault` to the first `times` sends of this text. */
function failing(text: string, times: number, fault: ReturnType<Script>): Script {
  let left = times;
  return ({ name, body }) => (name === 'message:send' && body.text === text && left-- > 0 ? fault : undefined);
}

const unavailable = { error: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 300 } };

describe('order', () => {
  test('several are in flight, the first one marked, and none before its turn', async () => {
    for (let i = 0; i < 40; i++) say(`m${i}`);
    await h.clock.advance(5);
    expect(sends()).toHaveLength(16);
    expect(sends().map(({ first }) => first)).toEqual([true, ...Array(15).fill(undefined)]);
    await h.clock.advance(200);
    expect(stored()).toEqual(Array.from({ length: 40 }, (_, i) => `m${i}`));
    expect(ana.client.unsent).toBe(0);
  });

  test('after a refusal all that follow wait, and go again in order, the oldest marked first', async () => {
    h.server.script = failing('b', 1, unavailable);
    for (const text of ['a', 'b', 'c', 'd']) say(text);
    await h.clock.advance(100);
    expect(stored()).toEqual(['a']);
    await h.clock.advance(2_000);
    expect(stored()).toEqual(['a', 'b', 'c', 'd']);
    const again = sends().slice(4);
    expect(again.map(({ text, first }) => [text, first])).toEqual([
      ['b', true],
      ['c', undefined],
      ['d', undefined],
    ]);
    expect(new Set(sends().map(({ messageId }) => messageId)).size).toBe(4);
  });

  test('what a listener writes when a message changes goes behind that message', async () => {
    const conversation = ana.client.conversation('c1');
    const shown = () => conversation.entries.map(({ text }) => text);
    conversation.on('change', ({ entries }) => {
      const { text, status } = entries.at(-1) ?? {};
      if (text === 'a' && status === 'queued') say('b');
      if (text === 'c' && status === 'sending') say('d');
    });
    say('a');
    expect(shown()).toEqual(['a', 'b']);
    await h.clock.advance(100);
    say('c');
    await h.clock.advance(100);
    expect(stored()).toEqual(['a', 'b', 'c', 'd']);
    expect(shown()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a long queue passes a window at a time, in order, with those of other conversations between', async () => {
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    const all = Array.from({ length: 200 }, (_, i) => `m${i}`);
    for (const text of all) for (const id of ['c1', 'c2']) say(text, id);
    h.server.down = false;
    await h.clock.until(() => ana.client.unsent === 0, 60_000);
    expect(stored('c1')).toEqual(all);
    expect(stored('c2')).toEqual(all);
    expect(sends()).toHaveLength(400);
  });

  test('what is written meanwhile goes behind', async () => {
    h.server.script = failing('a', 1, unavailable);
    say('a');
    await h.clock.advance(50);
    say('b');
    await h.clock.advance(100);
    expect(stored()).toEqual([]);
    await h.clock.advance(2_000);
    expect(stored()).toEqual(['a', 'b']);
  });

  test('nothing overtakes a message whose refusal is still on its way', async () => {
    h.server.latencyMs = 600;
    h.server.script = failing('a', 1, unavailable);
    say('a');
    await h.clock.advance(1_150);
    say('b');
    // At 1,200 comes the refusal of "a", which is tried again at 2,200 at the earliest; that of "b" comes at 2,350.
    await h.clock.advance(1_060);
    say('c');
    await h.clock.advance(10_000);
    expect(stored()).toEqual(['a', 'b', 'c']);
  });

  test('a refusal holds back its own conversation only', async () => {
    h.server.script = failing('a', 1, unavailable);
    say('a');
    say('x', 'c2');
    await h.clock.advance(50);
    expect(stored()).toEqual([]);
    expect(stored('c2')).toEqual(['x']);
  });

  test('a permanent refusal ends one message and lets the next ones pass', async () => {
    h.server.script = failing('b', 9, { error: { code: 'INVALID_BODY' } });
    const sent = ['a', 'b', 'c'].map((text) => say(text));
    await h.clock.advance(100);
    expect(stored()).toEqual(['a', 'c']);
    await expect(sent[1]?.acked).rejects.toMatchObject({ code: 'INVALID_BODY', retryable: false });
    expect(sent.map(({ status }) => status)).toEqual(['sent', 'failed', 'sent']);
  });

  test('a failed message that is tried again goes behind what was written since', async () => {
    h.server.script = failing('b', 1, { error: { code: 'INVALID_BODY' } });
    const failed = say('b');
    await h.clock.advance(100);
    h.server.down = true;
    h.cut('ana');
    await h.clock.advance(10);
    say('d');
    const shown = () => ana.client.conversation('c1').entries.map(({ text, status }) => `${text} ${status}`);
    expect(shown()).toEqual(['b failed', 'd queued']);
    const again = failed.retry();
    expect(again?.messageId).toBe(failed.messageId);
    expect(shown()).toEqual(['d queued', 'b queued']);
    h.server.down = false;
    await h.clock.until(() => ana.client.unsent === 0);
    expect(stored()).toEqual(['d', 'b']);
  });

  test('any refusals and lost replies: stored once, in order', async () => {
    const fault = fc.constantFrom('none', 'none', 'none', 'refuse', 'limit', 'lose', 'cut');
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 25 }), fc.integer({ min: 1, max: 24 }), async (faults, count) => {
        const run = new Harness();
        run.server.logs.create('c', ['ana']);
        const { client } = await run.live('ana');
        const queue = [...faults];
        run.server.script = ({ name, session }) => {
          const next = name === 'message:send' ? queue.shift() : undefined;
          if (next === 'cut') session.socket.closeFromServer(1006);
          if (next === 'refuse') return { error: { code: 'INTERNAL', retryable: true, retryAfterMs: 50 } };
          if (next === 'limit') return { error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 400 } };
          return next === 'lose' || next === 'cut' ? 'loseReply' : undefined;
        };
        const sent: SentMessage[] = [];
        for (let i = 0; i < count; i++) {
          sent.push(client.conversation('c').send(`m${i}`));
          if (i % 5 === 0) await run.clock.advance(7);
        }
        await run.clock.until(() => client.unsent === 0, 600_000);
        const { log } = run.server.logs.get('c');
        const lost = sent.flatMap(({ status }, i) => (status === 'failed' ? [`m${i}`] : []));
        // A message may be given up after its tries, and then may be stored all the same; no other is missing.
        const kept = log.map(({ text }) => text as string);
        expect(kept.filter((text) => !lost.includes(text))).toEqual(sent.map((_, i) => `m${i}`).filter((text) => !lost.includes(text)));
        expect(new Set(kept).size).toBe(kept.length);
        run.close();
      }),
      { numRuns: 150 },
    );
  });
});

describe('retries', () => {
  test('without an answer: after 10 s, then 1, 2 and 4 s, under one id; then it has failed', async () => {
    const errors: unknown[] = [];
    ana.client.on('message:error', (error) => errors.push(error));
    h.server.script = failing('a', 99, 'ignore');
    const at: number[] = [];
    const begun = h.clock.now();
    const script = h.server.script;
    h.server.script = (command) => {
      if (command.name === 'message:send') at.push(h.clock.now() - begun);
      return script(command);
    };
    const sent = say('a');
    await h.clock.advance(60_000);
    expect(at).toEqual([5, 11_005, 23_005, 37_005]);
    expect(new Set(sends().map(({ messageId }) => messageId)).size).toBe(1);
    expect(sends().every(({ first }) => first)).toBe(true);
    await expect(sent.acked).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true });
    expect(errors).toEqual([
      {
        conversationId: 'c1',
        messageId: sent.messageId,
        source: 'client',
        error: { code: 'TIMEOUT', message: expect.any(String), details: undefined },
      },
    ]);
    expect(ana.client.conversation('c1').entries).toMatchObject([{ status: 'failed', text: 'a', error: { code: 'TIMEOUT' } }]);
  });

  test('a failed message tried again under its id is stored once', async () => {
    h.server.script = failing('a', 4, 'loseReply');
    // The pushes are lost as well, so that the client cannot know.
    h.losePushes();
    const sent = say('a');
    await expectFailure(sent, 60_000);
    h.server.faults.clear();
    const again = ana.client.conversation('c1').send('a', { messageId: sent.messageId });
    await h.clock.advance(100);
    expect(await again.acked).toMatchObject({ seq: 1 });
    expect(stored()).toEqual(['a']);
    expect(ana.client.conversation('c1').entries).toMatchObject([{ seq: 1, messageId: sent.messageId }]);
  });

  test('a lost acknowledgement does not matter when the message comes with the log', async () => {
    h.server.script = failing('a', 1, 'loseReply');
    const sent = say('a');
    await h.clock.advance(20);
    expect(await sent.acked).toMatchObject({ seq: 1 });
    expect(sends()).toHaveLength(1);
  });

  test('refusals do not count as tries: the next one comes within 2 s, retryAfterMs is kept to, and after 30 s it has failed', async () => {
    const at: number[] = [];
    const begun = h.clock.now();
    h.server.script = ({ name }) => {
      if (name !== 'message:send') return undefined;
      at.push(h.clock.now() - begun);
      return { error: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 2_500 } };
    };
    const sent = say('a');
    await expectFailure(sent, 60_000);
    expect(at).toEqual(Array.from({ length: 13 }, (_, i) => 5 + i * 2_510));
    await expect(sent.acked).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 2_500 });
  });

  test('after a refusal that names no time, tries are spread over 2 s', async () => {
    const at: number[] = [];
    h.server.script = ({ name }) => {
      if (name === 'message:send') at.push(h.clock.now());
      return name === 'message:send' ? { error: { code: 'UNAVAILABLE', retryable: true } } : undefined;
    };
    const sent = say('a');
    await h.clock.advance(20_000);
    h.server.script = () => undefined;
    const back = h.clock.now();
    await h.clock.until(() => sent.status === 'sent');
    expect(h.clock.now() - back).toBeLessThan(2_020);
    const waits = at.slice(1).map((time, i) => time - (at[i] as number) - 10);
    expect(Math.max(...waits)).toBeLessThan(2_000);
    expect(new Set(waits).size).toBeGreaterThan(waits.length / 2);
  });

  test('a rate limit is waited for, however often, and narrows what is on its way', async () => {
    let tokens = 3;
    h.server.script = ({ name, session, body }) => {
      if (name !== 'message:send' || (session.blocked.has('c1') && !body.first)) return undefined;
      return tokens-- > 0 ? undefined : { error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 1_000 } };
    };
    for (let i = 0; i < 12; i++) say(`m${i}`);
    for (let second = 0; second < 30 && ana.client.unsent > 0; second++) {
      await h.clock.advance(1_000);
      tokens = 1;
    }
    expect(stored()).toEqual(Array.from({ length: 12 }, (_, i) => `m${i}`));
    // The first window is refused as a whole; afterwards one frame goes out, and two more when it is acknowledged.
    expect(sends().length).toBeLessThanOrEqual(12 + 3 * 9);
  });

  test('a narrow window serves all conversations, and widens again', async () => {
    let limited = true;
    h.server.script = ({ name }) =>
      name === 'message:send' && limited ? { error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 1_000 } } : undefined;
    for (let i = 0; i < 40; i++) for (const id of ['c1', 'c2']) say(`m${i}`, id);
    await h.clock.advance(900);
    limited = false;
    await h.clock.advance(200);
    const [one, two] = [stored('c1').length, stored('c2').length];
    expect(Math.min(one, two)).toBeGreaterThan(3);
    await h.clock.advance(200);
    // One at a time would take 80 times 10 ms.
    expect(ana.client.unsent).toBe(0);
  });

  test('a wait may end a little early, as those of Node and browsers do', async () => {
    const { clock } = h;
    const hasty = {
      now: () => clock.now(),
      setTimeout: (task: () => void, ms: number) => clock.setTimeout(task, Math.max(0, ms - 1)),
      clearTimeout: (timer: unknown) => clock.clearTimeout(timer),
    };
    const { client } = await h.live('luis', { clock: hasty });
    h.server.script = failing('a', 1, { error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 1_000 } });
    client.conversation('c1').send('a');
    await clock.advance(1_100);
    h.server.script = failing('b', 1, unavailable);
    client.conversation('c1').send('b');
    await clock.advance(2_300);
    expect(stored()).toEqual(['a', 'b']);
  });

  test('a refusal that asks for more than a minute is for the user to see', async () => {
    h.server.script = failing('a', 1, { error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfterMs: 61_000 } });
    const sent = say('a');
    await h.clock.advance(50);
    await expect(sent.acked).rejects.toMatchObject({ code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: 61_000 });
  });

  test('many conversations share one window below the burst of frames that a server takes', async () => {
    for (let i = 0; i < 30; i++) {
      h.server.logs.create(`k${i}`, ['ana']);
      for (let j = 0; j < 10; j++) say(`m${j}`, `k${i}`);
    }
    await h.clock.advance(5);
    expect(sends()).toHaveLength(64);
    await h.clock.advance(500);
    for (let i = 0; i < 30; i++) expect(stored(`k${i}`)).toEqual(Array.from({ length: 10 }, (_, j) => `m${j}`));
  });
});

async function expectFailure(sent: SentMessage, limitMs: number): Promise<void> {
  await h.clock.until(() => sent.status === 'failed', limitMs);
}
