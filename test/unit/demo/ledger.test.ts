// The line of the demo must be able to be wrong: doctored events and views, each of which it has to see. And it must stay at zero
// where nothing is wrong, whatever happens to the network.

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Acknowledgement, Entry, ViewEntry } from '../../../client-sdk/index.ts';
import { persistent } from '../../../client-sdk/store/index.ts';
import { MemoryServer, VirtualClock } from '../../../client-sdk/testing/index.ts';
import { Ledger } from '../../../server/http/demo/lab/ledger.ts';
import type { Witness } from '../../../server/http/demo/lab/witness.ts';
import { comeIn, conversationId, labPerson } from './support/person.ts';

const graceMs = 5_000;
/** The grace, and the audit behind it. */
const longMs = graceMs + 2_000;

const entry = (seq: number, more: Partial<Entry> = {}): Entry => ({
  conversationId,
  seq,
  id: `id-${seq}`,
  messageId: `message-${seq}`,
  type: 'text',
  sender: 'ana',
  senderRole: 'customer',
  direction: 'inbound',
  status: 'sent',
  createdAt: 1_700_000_000_000 + seq,
  text: `text ${seq}`,
  ...more,
});

const system = (seq: number) => entry(seq, { type: 'system' });

const pendingEntry = (messageId: string, status: 'queued' | 'sending' | 'failed' = 'sending'): ViewEntry => {
  const { seq: _seq, id: _id, text: _text, ...rest } = entry(0, { messageId });
  return { ...rest, status };
};

describe('doctored events and views', () => {
  let clock: VirtualClock;
  let ledger: Ledger;
  let ana: Witness;
  let luis: Witness;

  beforeEach(() => {
    clock = new VirtualClock();
    ledger = new Ledger({ clock, graceMs });
    [ana, luis] = ['ana', 'luis'].map((id) => ledger.witness(id)) as [Witness, Witness];
    for (const witness of [ana, luis]) {
      witness.is('live', true);
      witness.begins();
    }
  });

  const line = () => {
    const { lost, doubled, outOfOrder } = ledger.counts;
    return { lost, doubled, outOfOrder };
  };
  const zero = { lost: 0, doubled: 0, outOfOrder: 0 };

  /** Both have all of these; only messages come as events. */
  function everybodyHas(...entries: Entry[]): void {
    for (const witness of [ana, luis]) {
      for (const one of entries) if (one.type !== 'system') witness.heard(one);
      witness.saw(entries);
    }
  }

  const send = (witness: Witness, messageId: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<Acknowledgement>();
    witness.sent({ messageId, acked: promise });
    return { store: (seq: number) => resolve({ id: `id-${seq}`, seq, status: 'sent', sentAt: 0 }), reject };
  };

  /** Ana writes these, and they are stored in this order. */
  const writes = (...messageIds: string[]) => {
    for (const messageId of messageIds) send(ana, messageId);
  };
  const areStored = (...messageIds: string[]) => {
    everybodyHas(...messageIds.map((messageId, index) => entry(index + 1, { messageId })));
  };

  test('nothing wrong is zero, and what was checked is counted', async () => {
    everybodyHas(entry(1), system(2), system(3), entry(4));
    await clock.advance(60_000);
    expect(ledger.counts).toEqual({ ...zero, failed: 0, messages: 2, deliveries: 4 });
    expect(ledger.findings).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  test.each(['ana', 'luis'])('an event that did not come to %s is lost after the grace, and no more when it comes', async (unlucky) => {
    await clock.advance(60_000);
    for (const [id, witness] of Object.entries({ ana, luis })) {
      if (id !== unlucky) witness.heard(entry(1));
      witness.saw([entry(1)]);
    }
    await clock.advance(graceMs - 1_000);
    expect(line()).toEqual(zero);
    await clock.advance(3_000);
    expect(line()).toEqual({ ...zero, lost: 1 });
    expect(ledger.findings).toEqual([{ kind: 'lost', personId: unlucky, words: `the event of seq 1 did not come to ${unlucky}` }]);
    ledger.witness(unlucky).heard(entry(1));
    await clock.advance(2_000);
    expect(line()).toEqual(zero);
  });

  test('a hole in a view is lost', async () => {
    const [first, second, third] = [entry(1), entry(2), entry(3)];
    everybodyHas(first, second, third);
    luis.saw([first, third]);
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, lost: 1 });
    luis.saw([first, second, third]);
    await clock.advance(2_000);
    expect(line()).toEqual(zero);
  });

  test('a view that ends too early is lost', async () => {
    const entries = [entry(1), entry(2)];
    for (const one of entries) for (const witness of [ana, luis]) witness.heard(one);
    ana.saw(entries);
    luis.saw(entries.slice(0, 1));
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, lost: 1 });
  });

  test('an acknowledged message that nobody has is lost, once for all of them', async () => {
    send(ana, 'message-1').store(1);
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, lost: 1 });
    expect(ledger.counts.messages).toBe(1);
    expect(ledger.findings.map(({ personId }) => personId)).toEqual(['ana', 'luis']);
  });

  test('a message that was sent and is nowhere is lost; one that waits in the view is not', async () => {
    send(ana, 'message-1');
    ana.saw([pendingEntry('message-1', 'queued')]);
    await clock.advance(longMs);
    expect(line()).toEqual(zero);
    ana.saw([]);
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, lost: 1 });
  });

  test('one that an earlier page load left in the view is watched as well', async () => {
    ana.saw([pendingEntry('from before')]);
    await clock.advance(longMs);
    ana.saw([]);
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, lost: 1 });
  });

  test('a message that was given up is not lost but failed, until it is tried again', async () => {
    const { reject } = send(ana, 'message-1');
    reject(new Error('refused'));
    ana.saw([pendingEntry('message-1', 'failed')]);
    await clock.advance(longMs);
    expect(ledger.counts).toMatchObject({ ...zero, failed: 1 });
    send(ana, 'message-1').store(1);
    everybodyHas(entry(1));
    await clock.advance(longMs);
    expect(ledger.counts).toMatchObject({ ...zero, failed: 0, messages: 1 });
  });

  test('a message that was taken back is not lost', async () => {
    ana.saw([pendingEntry('message-1', 'queued')]);
    await clock.advance(2_000);
    ana.saw([]);
    ana.withdrew('message-1');
    const { reject } = send(ana, 'message-2');
    reject(new Error('taken back by its signal'));
    await clock.advance(longMs);
    expect(line()).toEqual(zero);
  });

  test('one of an earlier page load that fails and is taken back then is not lost', async () => {
    for (const view of [[pendingEntry('message-1')], [pendingEntry('message-1', 'failed')], []]) {
      ana.saw(view);
      await clock.advance(2_000);
    }
    await clock.advance(longMs);
    expect(line()).toEqual(zero);
  });

  test('before the first connection own messages have no sender yet', async () => {
    send(ana, 'message-1');
    ana.saw([{ ...pendingEntry('message-1'), sender: '' }]);
    await clock.advance(longMs);
    expect(line()).toEqual(zero);
    ana.saw([{ ...pendingEntry('message-1'), sender: '' }, entry(1)]);
    await clock.advance(2_000);
    expect(ledger.counts.doubled).toBe(1);
  });

  test('who is away misses nothing; who has come back has the grace again', async () => {
    luis.is('offline', false);
    ana.heard(entry(1));
    ana.saw([entry(1)]);
    await clock.advance(60_000);
    luis.is('live', true);
    await clock.advance(graceMs - 1_000);
    expect(line()).toEqual(zero);
    luis.is('live', false);
    await clock.advance(60_000);
    expect(line()).toEqual(zero);
    luis.is('live', true);
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, lost: 1 });
  });

  test('what was there before somebody began is not awaited as an event, what comes later is', async () => {
    const eva = ledger.witness('eva');
    everybodyHas(entry(1), entry(2));
    eva.saw([entry(1), entry(2)]);
    eva.is('live', true);
    eva.begins();
    await clock.advance(longMs);
    expect(line()).toEqual(zero);
    everybodyHas(entry(3));
    eva.saw([entry(1), entry(2), entry(3)]);
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, lost: 1 });
  });

  test('a view may let go of its beginning', async () => {
    const entries = Array.from({ length: 50 }, (_, index) => entry(index + 1));
    everybodyHas(...entries);
    luis.saw(entries.slice(40));
    await clock.advance(longMs);
    expect(line()).toEqual(zero);
  });

  test('the same event twice is doubled, however often it comes', () => {
    everybodyHas(entry(1));
    luis.heard(entry(1));
    luis.heard(entry(1));
    expect(line()).toEqual({ ...zero, doubled: 1 });
  });

  test('one message under two seqs is doubled, also when two people saw one each', () => {
    ana.heard(entry(1, { messageId: 'm' }));
    luis.heard(entry(2, { messageId: 'm' }));
    expect(line()).toEqual({ ...zero, doubled: 1 });
  });

  test('the acknowledgement of one seq and the event of another are one message stored twice', async () => {
    send(ana, 'm').store(1);
    await clock.advance(0);
    luis.heard(entry(2, { messageId: 'm' }));
    expect(line()).toEqual({ ...zero, doubled: 1 });
  });

  test('two messages under one seq are doubled', () => {
    ana.heard(entry(1, { messageId: 'm' }));
    luis.heard(entry(1, { messageId: 'n' }));
    expect(line()).toEqual({ ...zero, doubled: 1 });
  });

  test('two people may use the same id', async () => {
    everybodyHas(entry(1, { messageId: 'm', sender: 'ana' }), entry(2, { messageId: 'm', sender: 'luis' }));
    await clock.advance(longMs);
    expect(line()).toEqual(zero);
  });

  test.each<[string, ViewEntry[]]>([
    ['a seq', [entry(1), entry(2), entry(2), entry(3)]],
    ['a message under another seq', [entry(1), entry(2), entry(3, { messageId: 'message-2' })]],
    ['a stored message and its echo', [entry(1), entry(2), entry(3), pendingEntry('message-2')]],
  ])('%s that stands twice in a view is doubled', async (_what, view) => {
    everybodyHas(entry(1), entry(2));
    luis.saw(view);
    await clock.advance(2_000);
    expect(ledger.counts.doubled).toBeGreaterThan(0);
    expect(ledger.counts.outOfOrder).toBe(0);
  });

  test('what stands twice, or went back, for a moment only is seen', () => {
    const entries = [1, 2, 3].map((seq) => entry(seq));
    everybodyHas(...entries);
    luis.saw([...entries, entry(5), entry(4)]);
    luis.saw([...entries, entry(4), entry(4)]);
    luis.saw(entries);
    expect(line()).toEqual({ ...zero, doubled: 1, outOfOrder: 1 });
  });

  test('older entries that are put above the others are checked, too', async () => {
    const fifth = entry(5);
    everybodyHas(fifth);
    ana.saw([entry(4), fifth]);
    luis.saw([entry(4, { messageId: 'another' }), fifth]);
    await clock.advance(2_000);
    expect(line()).toEqual({ ...zero, doubled: 1 });
  });

  test('an event behind a later one is out of order', () => {
    for (const seq of [1, 3, 2]) luis.heard(entry(seq));
    expect(line()).toEqual({ ...zero, outOfOrder: 1 });
  });

  test.each<[string, number[]]>([
    ['at its end', [1, 2, 3, 5, 4]],
    ['in its middle', [1, 3, 2, 4, 5]],
  ])('a view that goes back is out of order: %s', async (_where, seqs) => {
    const entries = [1, 2, 3, 4, 5].map((seq) => entry(seq));
    everybodyHas(...entries);
    luis.saw(seqs.map((seq) => entries[seq - 1] as Entry));
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, outOfOrder: 1 });
  });

  test('a view whose end goes back is out of order', async () => {
    const entries = [1, 2, 3].map((seq) => entry(seq));
    everybodyHas(...entries);
    await clock.advance(2_000);
    luis.saw(entries.slice(0, 2));
    await clock.advance(2_000);
    expect(ledger.counts.outOfOrder).toBe(1);
  });

  test.each([
    ['in the order they were sent', ['first', 'second', 'third'], 0],
    ['with two of them exchanged', ['second', 'first', 'third'], 1],
    ['with the first one behind all others', ['second', 'third', 'first'], 1],
    ['the other way round', ['third', 'second', 'first'], 2],
  ])('messages of one person that are stored %s', async (_how, stored, outOfOrder) => {
    writes('first', 'second', 'third');
    areStored(...stored);
    await clock.advance(longMs);
    expect(line()).toEqual({ ...zero, outOfOrder });
  });

  test('the order of sending is seen whoever tells first, and in whatever order it becomes known', async () => {
    writes('first', 'second', 'third');
    luis.saw([entry(1, { messageId: 'first' }), entry(3, { messageId: 'second' })]);
    expect(ledger.counts.outOfOrder).toBe(0);
    ana.heard(entry(2, { messageId: 'third' }));
    expect(ledger.counts.outOfOrder).toBe(1);
    expect(ledger.findings[0]?.words).toBe('ana/third of seq 2 is not stored in the order in which ana wrote');
  });

  test('of two people, and of two pages of one person, each has an order of its own', async () => {
    writes('first');
    send(luis, 'second');
    writes('third');
    areStored('of another page', 'first', 'third', 'of another page, later');
    luis.heard(entry(5, { messageId: 'second', sender: 'luis' }));
    expect(ledger.counts.outOfOrder).toBe(0);
  });

  describe('a message that failed and is tried again by hand', () => {
    beforeEach(async () => {
      const { reject } = send(ana, 'first');
      writes('second');
      reject(new Error('refused'));
      await clock.advance(0);
    });

    test.each([
      ['counts from the retry', ['second', 'first', 'third'], 0],
      ['may have been stored by its first try', ['first', 'second', 'third'], 0],
      ['comes before what was sent later', ['second', 'third', 'first'], 1],
    ])('%s', async (_what, stored, outOfOrder) => {
      writes('first', 'third');
      areStored(...stored);
      await clock.advance(longMs);
      expect(line()).toEqual({ ...zero, outOfOrder });
    });

    test('also when nobody tells of the retry', () => {
      writes('third');
      areStored('second', 'third', 'first');
      expect(ledger.counts.outOfOrder).toBe(0);
    });

    test('belongs to its last try: the failure of an earlier one says nothing of it', async () => {
      const { reject } = send(ana, 'fourth');
      reject(new Error('refused'));
      writes('fourth');
      ana.saw([]);
      await clock.advance(longMs);
      // The second and the fourth.
      expect(line()).toEqual({ ...zero, lost: 2 });
    });
  });

  describe('a message that waits while its person is live', () => {
    const stuckMs = 30_000;
    const waiting = (...messageIds: string[]) => ana.saw(messageIds.map((messageId) => pendingEntry(messageId)));

    test.each(['queued', 'sending'] as const)('is lost after half a minute as %s, until it is stored', async (status) => {
      const { store } = send(ana, 'message-1');
      ana.saw([pendingEntry('message-1', status)]);
      await clock.advance(stuckMs - 1_000);
      expect(line()).toEqual(zero);
      await clock.advance(3_000);
      expect(line()).toEqual({ ...zero, lost: 1 });
      expect(ledger.findings).toEqual([{ kind: 'lost', personId: 'ana', words: 'a message of ana does not go out' }]);
      store(1);
      everybodyHas(entry(1));
      await clock.advance(2_000);
      expect(line()).toEqual(zero);
    });

    test('is not lost where the outbox advances, however slowly', async () => {
      const ids = [1, 2, 3, 4, 5].map((seq) => `message-${seq}`);
      const sends = ids.map((id) => send(ana, id));
      for (const [index, { store }] of sends.entries()) {
        const stored = ids.slice(0, index).map((_, at) => entry(at + 1));
        everybodyHas(...stored.slice(-1));
        luis.saw(stored);
        ana.saw([...stored, ...ids.slice(index).map((id) => pendingEntry(id))]);
        await clock.advance(stuckMs - 5_000);
        expect(line()).toEqual(zero);
        store(index + 1);
      }
    });

    test('has the whole time again when the person has come back', async () => {
      send(ana, 'message-1');
      waiting('message-1');
      await clock.advance(stuckMs - 5_000);
      ana.is('offline', false);
      await clock.advance(600_000);
      ana.is('live', true);
      await clock.advance(stuckMs - 5_000);
      expect(line()).toEqual(zero);
      await clock.advance(longMs);
      expect(line()).toEqual({ ...zero, lost: 1 });
    });

    test('is not judged where this page did not send it: another tab may have it', async () => {
      waiting('of another tab');
      await clock.advance(600_000);
      expect(line()).toEqual(zero);
    });
  });

  test('one seq with two texts is doubled', () => {
    ana.heard(entry(1));
    luis.heard(entry(1, { text: 'altered' }));
    ana.saw([entry(1)]);
    luis.saw([entry(1, { text: 'altered' })]);
    expect(line()).toEqual({ ...zero, doubled: 1 });
    expect(ledger.findings[0]?.words).toBe('seq 1 stands for two texts');
  });

  test('a text that is stored as another one is doubled', async () => {
    ana.saw([{ ...pendingEntry('message-1'), text: 'as it was written' }]);
    const { store } = send(ana, 'message-1');
    store(1);
    luis.heard(entry(1, { text: 'as it was stored' }));
    await clock.advance(2_000);
    expect(ledger.counts.doubled).toBe(1);
  });

  test('of many findings the first hundred are kept', () => {
    for (let seq = 1; seq <= 101; seq++) for (let times = 0; times < 2; times++) ana.heard(entry(seq));
    expect(ledger.counts.doubled).toBe(101);
    expect(ledger.findings).toHaveLength(100);
    expect(ledger.findings[0]?.words).toBe('the event of seq 1 came twice to ana');
  });

  test('who listens hears each change of the counts', async () => {
    const told: number[] = [];
    const end = ledger.onChange(({ deliveries }) => told.push(deliveries));
    ana.heard(entry(1));
    ana.heard(entry(2));
    end();
    ana.heard(entry(3));
    expect([...new Set(told)]).toEqual([1, 2]);
  });
});

describe('over the real SDK', () => {
  async function company(server: MemoryServer) {
    const ledger = new Ledger({ clock: server.clock, graceMs });
    server.conversation(conversationId, ['ana', 'eva', 'luis']);
    server.say('luis', conversationId, 'welcome');
    const people = ['ana', 'eva', 'luis'].map((id) => ({ id, ...labPerson(server, id) }));
    const ends = people.map(({ id, client, conversation, wire }) => ledger.watch(id, client, conversation, wire));
    for (const person of people) await comeIn(server, person);
    const close = () => {
      for (const end of ends) end();
      for (const { client } of people) client.close();
    };
    return { ledger, people, close };
  }

  type Step = [what: string, who: number, ms: number];
  const faults = ['cut', 'mend', 'loseAck', 'double', 'sleep', 'restart', 'wait'];
  const stepsOf = (acts: readonly string[]) =>
    fc.array(fc.tuple(fc.constantFrom(...acts), fc.nat({ max: 2 }), fc.nat({ max: 3_000 })), { maxLength: 60 });

  /** Does all of this, looking at the ledger at every step, and waits until everybody has everything. @returns messages sent */
  async function live(server: MemoryServer, { ledger, people }: Awaited<ReturnType<typeof company>>, steps: Step[]): Promise<number> {
    const backup = server.snapshot();
    let sent = 0;
    for (const [what, who, ms] of steps) {
      const { id, wire, clock, client, conversation } = people[who]!;
      if (what === 'send') ledger.witness(id).sent(conversation.send(`${++sent}`));
      else if (what === 'cut') wire.cut();
      else if (what === 'mend') wire.mend();
      else if (what === 'loseAck') wire.loseNextAck();
      else if (what === 'double') wire.doubleNextSend();
      else if (what === 'sleep') void clock.sleep(600_000);
      else if (what === 'restart') server.restart({ downMs: ms });
      else if (what === 'restore') server.restore(backup, { downMs: ms });
      else await server.clock.advance(ms);
      if (what === 'mend') client.connect().catch(() => {});
      await server.clock.advance(ms % 50);
      expect(ledger.findings).toEqual([]);
    }
    for (const { wire } of people) wire.mend();
    await server.clock.until(() => people.every(({ client }) => client.state === 'live' && client.unsent === 0), 600_000);
    await server.clock.advance(60_000);
    expect(ledger.counts).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0, failed: 0 });
    expect(ledger.counts.messages).toBe(server.log(conversationId).length);
    return sent;
  }

  test('whatever becomes of the networks, the line stays at zero and everything is checked', async () => {
    const run = async (steps: Step[]) => {
      const server = new MemoryServer();
      const all = await company(server);
      const sent = await live(server, all, steps);
      expect(all.ledger.counts).toMatchObject({ messages: sent + 1, deliveries: 3 * sent });
      all.close();
    };
    await fc.assert(fc.asyncProperty(stepsOf(['send', 'send', 'send', ...faults]), run), { numRuns: 200 });
  }, 60_000);

  test('also where the server goes back to its first state, again and again', async () => {
    const run = async (steps: Step[]) => {
      const server = new MemoryServer();
      const all = await company(server);
      await live(server, all, steps);
      all.close();
    };
    await fc.assert(fc.asyncProperty(stepsOf(['send', 'send', 'send', 'restore', ...faults]), run), { numRuns: 200 });
  }, 60_000);

  test('what a store has kept of a log that is gone is not held against the new one', async () => {
    const server = new MemoryServer();
    server.conversation(conversationId, ['ana', 'luis']);
    const empty = server.snapshot();
    const device = server.device('ana');
    const page = device.page();
    await comeIn(server, labPerson(server, 'ana', { page, store: persistent(page.store) }));
    for (const text of ['gone 1', 'gone 2']) server.say('luis', conversationId, text);
    await server.clock.advance(longMs);
    page.crash();
    server.restore(empty);
    const ledger = new Ledger({ clock: server.clock, graceMs });
    const luis = labPerson(server, 'luis');
    ledger.watch('luis', luis.client, luis.conversation, luis.wire);
    await comeIn(server, luis);
    ledger.witness('luis').sent(luis.conversation.send('new'));
    await server.clock.advance(longMs);
    const next = device.page();
    const ana = labPerson(server, 'ana', { page: next, store: persistent(next.store) });
    ana.wire.cut();
    ana.client.connect().catch(() => {});
    await server.clock.until(() => ana.conversation.entries.length === 2);
    ledger.watch('ana', ana.client, ana.conversation, ana.wire);
    await server.clock.advance(2_000);
    ana.wire.mend();
    await comeIn(server, ana);
    await server.clock.advance(longMs);
    expect(ana.conversation.entries.map(({ text }) => text)).toEqual(['new']);
    expect(ledger.findings).toEqual([]);
    ana.client.close();
    luis.client.close();
  });

  test('a push that never comes to somebody live is seen as lost until the SDK has healed it', async () => {
    const server = new MemoryServer();
    const { ledger, people, close } = await company(server);
    const [ana, , luis] = people;
    const heal = server.faults.add(({ userId, name }) => (userId === 'luis' && name === 'message:new' ? 'drop' : undefined));
    ledger.witness('ana').sent(ana!.conversation.send('unheard'));
    await server.clock.advance(longMs);
    expect(ledger.counts).toMatchObject({ lost: 1, doubled: 0, outOfOrder: 0 });
    heal();
    server.say('eva', conversationId, 'behind it');
    await server.clock.until(() => luis!.conversation.entries.at(-1)?.text === 'behind it');
    await server.clock.advance(2_000);
    expect(ledger.counts).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0, messages: 3 });
    close();
  });

  test('a server that went back to an older state begins a new log, of which nothing old is expected', async () => {
    const server = new MemoryServer();
    const { ledger, people, close } = await company(server);
    const [ana] = people;
    server.say('luis', conversationId, 'kept');
    await server.clock.advance(1_000);
    const before = server.snapshot();
    for (const text of ['gone 1', 'gone 2']) ledger.witness('ana').sent(ana!.conversation.send(text));
    await server.clock.advance(longMs);
    server.restore(before);
    await server.clock.until(() => people.every(({ client }) => client.state === 'offline'));
    await server.clock.until(() => people.every(({ client }) => client.state === 'live'), 60_000);
    await server.clock.advance(2_000);
    ledger.witness('ana').sent(ana!.conversation.send('stays'));
    await server.clock.advance(longMs);
    expect(ledger.findings).toEqual([]);
    expect(ledger.counts).toMatchObject({ messages: server.log(conversationId).length, deliveries: 3 });
    server.faults.add(({ userId, name }) => (userId === 'luis' && name === 'message:new' ? 'drop' : undefined));
    ledger.witness('ana').sent(ana!.conversation.send('unheard'));
    await server.clock.advance(longMs);
    expect(ledger.counts.lost).toBe(1);
    close();
  });

  describe('a log that went back while Eva was away', () => {
    async function wentBack(told: { beforeEvaLeft: string[]; whenSheHasLeft: string[] }) {
      const server = new MemoryServer();
      const made = await company(server);
      const [ana, eva] = made.people;
      const say = async (text: string) => {
        made.ledger.witness('ana').sent(ana!.conversation.send(text));
        await server.clock.advance(longMs);
      };
      const before = server.snapshot();
      for (const text of told.beforeEvaLeft) await say(text);
      eva!.wire.cut();
      for (const text of told.whenSheHasLeft) await say(text);
      server.restore(before);
      await server.clock.advance(10_000);
      for (const text of ['stays', 'stays, too']) await say(text);
      expect(made.ledger.findings).toEqual([]);
      const back = async () => {
        eva!.wire.mend();
        eva!.client.connect().catch(() => {});
        await server.clock.advance(20_000);
        expect(made.people.map(({ client }) => client.state)).toEqual(['live', 'live', 'live']);
      };
      return { ...made, server, say, back };
    }

    test.each([
      ['what she still shows of the old one is not held against the new one', ['gone 1', 'gone 2', 'gone 3'], []],
      ['where nothing tells her of it, for she had seen nothing of what is gone', [], ['gone 1', 'gone 2']],
    ])('%s', async (_what, beforeEvaLeft, whenSheHasLeft) => {
      const { server, ledger, close, say, back } = await wentBack({ beforeEvaLeft, whenSheHasLeft });
      await back();
      await say('for all');
      expect(ledger.findings).toEqual([]);
      expect(ledger.counts.messages).toBe(server.log(conversationId).length);
      server.faults.add(({ userId, name }) => (userId === 'eva' && name === 'message:new' ? 'drop' : undefined));
      await say('unheard');
      expect(ledger.findings.map(({ personId }) => personId)).toEqual(['eva']);
      close();
    });

    test('what is lost among those who are back is seen meanwhile', async () => {
      const { server, ledger, close, say } = await wentBack({ beforeEvaLeft: ['gone'], whenSheHasLeft: [] });
      server.faults.add(({ userId, name }) => (userId === 'luis' && name === 'message:new' ? 'drop' : undefined));
      await say('unheard');
      expect(ledger.findings.map(({ personId }) => personId)).toEqual(['luis']);
      close();
    });
  });

  test('a view of thousands is not read anew at every message', () => {
    const ledger = new Ledger({ clock: new VirtualClock() });
    const witness = ledger.witness('reader');
    witness.is('live', true);
    witness.begins();
    let reads = 0;
    const counting: ProxyHandler<ViewEntry[]> = {
      get(target, key) {
        if (Number.isInteger(Number(key))) reads++;
        return Reflect.get(target, key);
      },
    };
    const entries: ViewEntry[] = [];
    for (let seq = 2; seq <= 5_000; seq++) {
      entries.push(entry(seq));
      witness.saw(new Proxy([...entries], counting));
    }
    expect(reads).toBeLessThan(4 * 5_000);
  });
});
