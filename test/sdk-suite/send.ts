// One message: stored, numbered and answered once, whatever happens to it; and the order of several.

import { describe, expect, test } from 'vitest';
import { agent, essence, live, numbered, sendAll, seqs, talking, textsOf, type World } from './world.ts';

export function sending(world: () => World): void {
  describe('sending', () => {
    test('is answered with what the log then holds', async () => {
      const { hers, luis, ana } = await talking(world());
      const metadata = { order: 7, tags: ['a', 'b'], nested: { deep: null } };
      const ack = await world().run(hers.send({ text: 'Hola 👋', metadata }).acked);
      expect(ack).toEqual({ id: expect.any(String), seq: 1, status: 'sent', sentAt: expect.any(Number) });
      await world().until(() => luis.entries.length === 1 && ana.entries.length === 1);
      const [entry] = luis.entries;
      expect(entry).toMatchObject({ id: ack.id, seq: 1, createdAt: ack.sentAt, text: 'Hola 👋', metadata });
      expect(entry).toMatchObject({ sender: ana.userId, senderRole: 'customer', direction: 'inbound', status: 'sent' });
      expect(ana.entries).toEqual(luis.entries);
      expect(hers.entries).toEqual(luis.entries);
    });

    test('the same id again gets the same answer, and is stored once', async () => {
      const { ana, luis, id, hers } = await talking(world());
      const messageId = crypto.randomUUID();
      const first = await world().run(hers.send('once', { messageId }).acked);
      const draft = { conversationId: id, messageId, type: 'text' as const, text: 'once' };
      expect(await world().run(ana.client.command('message:send', draft))).toEqual(first);
      expect(await world().run(ana.client.command('message:send', { ...draft, ifLastSeq: 0 }))).toEqual(first);
      await sendAll(world(), hers, ['twice']);
      await world().until(() => luis.entries.length === 2);
      expect(textsOf(luis)).toEqual(['once', 'twice']);
    });

    test('the same id with another content is refused; of another sender it is another message', async () => {
      const { hers, his, luis } = await talking(world());
      const messageId = crypto.randomUUID();
      await world().run(hers.send('one', { messageId }).acked);
      await expect(world().run(hers.send('two', { messageId }).acked)).rejects.toMatchObject({ code: 'ID_REUSED', retryable: false });
      expect((await world().run(his.send('two', { messageId }).acked)).seq).toBe(2);
      await world().until(() => luis.entries.length === 2);
      expect(textsOf(luis)).toEqual(['one', 'two']);
    });

    test('only if nobody else wrote meanwhile', async () => {
      const { hers, his } = await talking(world());
      await sendAll(world(), hers, ['a', 'b']);
      await sendAll(world(), his, ['c']);
      const refused = await world()
        .run(hers.send({ text: 'd', ifLastSeq: 1 }).acked)
        .then(
          () => undefined,
          (error) => error,
        );
      expect(refused).toMatchObject({ code: 'CONFLICT', retryable: false, details: { head: 3 } });
      expect(refused.details.entries.map(({ seq, text }: { seq: number; text: string }) => [seq, text])).toEqual([
        [2, 'b'],
        [3, 'c'],
      ]);
      // His own messages are no conflict.
      expect((await world().run(his.send({ text: 'd', ifLastSeq: 2 }).acked)).seq).toBe(4);
    });

    test('needs no join', async () => {
      const { id, luis } = await talking(world());
      const phone = await live(world(), `ana-${id}`, { options: { autoJoin: 'none' } });
      expect((await world().run(phone.client.conversation(id).send('from the phone').acked)).seq).toBe(1);
      await world().until(() => luis.entries.length === 1);
      expect(phone.entries).toEqual([]);
    });

    test('keeps the order of each sender, and gives all the same log', async () => {
      const { ana, luis, hers, his } = await talking(world());
      const sent = numbered(1, 60).map((text, i) => (i % 2 === 0 ? hers : his).send(text).acked);
      await world().run(Promise.all(sent));
      await world().until(() => ana.entries.length === 60 && luis.entries.length === 60);
      expect(ana.entries).toEqual(luis.entries);
      expect(ana.entries.map(({ seq }) => seq)).toEqual(seqs(1, 60));
      for (const { userId } of [ana, luis]) {
        const own = ana.entries.filter(({ sender }) => sender === userId).map(({ text }) => Number(text?.slice(1)));
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
      expect(hers.entries).toEqual(his.entries);
    });

    test('a message that is refused for good lets the next ones pass', async () => {
      const { hers, luis } = await talking(world());
      const [one, bad, two] = [hers.send('m1'), hers.send({ type: 'location' }), hers.send('m2')];
      await expect(world().run(bad.acked)).rejects.toMatchObject({ code: 'INVALID_BODY', retryable: false });
      await world().run(Promise.all([one.acked, two.acked]));
      await world().until(() => luis.entries.length === 2);
      expect(textsOf(luis)).toEqual(['m1', 'm2']);
      expect(hers.entries.filter(({ status }) => status === 'failed')).toMatchObject([{ type: 'location' }]);
    });

    test.each([
      ['a blank text', { text: '  ' }],
      ['a picture of nothing', { type: 'image' }],
      ['a location off the map', { type: 'location', metadata: { latitude: 91, longitude: 0 } }],
      ['a text too long', { text: 'x'.repeat(8_001) }],
      ['metadata too deep', { text: 'x', metadata: { a: { b: { c: { d: { e: 1 } } } } } }],
    ] as const)('%s is refused', async (_what, draft) => {
      const { hers } = await talking(world());
      await expect(world().run(hers.send(draft).acked)).rejects.toMatchObject({ code: 'INVALID_BODY' });
    });

    test('bots name the ownership they saw', async () => {
      const { id, luis } = await talking(world());
      const bot = await live(world(), `bot-${id}`, { role: 'bot' });
      await world().run(bot.client.conversation(id).join());
      expect((await world().run(bot.client.conversation(id).send('beep').acked)).seq).toBe(1);
      await world().until(() => luis.entries.length === 1);
      expect(luis.entries.map(essence)).toMatchObject([{ senderRole: 'bot', direction: 'outbound' }]);
      const late = bot.client.conversation(id).send({ text: 'boop', ownerEpoch: 99 }).acked;
      await expect(world().run(late)).rejects.toMatchObject({ code: 'OWNERSHIP_CHANGED', details: { ownerEpoch: expect.any(Number) } });
    });

    test('agents who are no members may read and not write', async () => {
      const { id, hers } = await talking(world());
      await sendAll(world(), hers, ['a']);
      const staff = await agent(world(), id);
      await world().run(staff.client.conversation(id).join());
      expect(staff.client.conversation(id).entries).toHaveLength(1);
      await expect(world().run(staff.client.conversation(id).send('x').acked)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    });
  });
}
