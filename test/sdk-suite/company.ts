// Beside the logs: presence, rooms, and commands that nobody defined.

import { describe, expect, test } from 'vitest';
import { agent, live, talking, type World } from './world.ts';

export function company(world: () => World): void {
  describe('presence', () => {
    test('is told now and at every change', async () => {
      const { ana, luis, id } = await talking(world());
      const seen: string[] = [];
      const eva = `eva-${id}`;
      const now = await world().run(ana.client.presence.subscribe([luis.userId, eva]));
      expect(now.map(({ userId, status }) => [userId, status])).toEqual([
        [luis.userId, 'online'],
        [eva, 'offline'],
      ]);
      ana.client.on('presence:update', ({ status }) => seen.push(status));
      await world().run(luis.client.presence.set('busy'));
      await world().until(() => seen.length === 1);
      await world().run(luis.client.presence.set('away'));
      await world().until(() => seen.length === 2);
      expect(seen).toEqual(['busy', 'away']);
    });

    test('of strangers is not told', async () => {
      const { ana, id } = await talking(world());
      const eva = await live(world(), `eva-${id}`);
      expect(await world().run(ana.client.presence.subscribe([eva.userId]))).toMatchObject([{ status: 'offline' }]);
    });

    test('a break is not seen', async () => {
      const { ana, luis } = await talking(world());
      await world().run(ana.client.presence.subscribe([luis.userId]));
      const seen: string[] = [];
      ana.client.on('presence:update', ({ status }) => seen.push(status));
      world().break(luis);
      const before = luis.client.identity?.sessionId;
      await world().until(() => luis.client.state === 'live' && luis.client.identity?.sessionId !== before);
      await world().run(luis.client.presence.set('busy'));
      await world().until(() => seen.length > 0);
      expect(seen).toEqual(['busy']);
    });
  });

  describe('rooms', () => {
    test('tell who comes and goes, and carry updates', async () => {
      const roomId = `room-${crypto.randomUUID()}`;
      const [one, two] = [await agent(world(), `a-${roomId}`), await agent(world(), `b-${roomId}`)];
      const heard: string[] = [];
      const room = one.client.room(roomId);
      room.on('joined', ({ userId }) => heard.push(`joined ${userId}`));
      room.on('left', ({ userId }) => heard.push(`left ${userId}`));
      room.on('update', ({ type, payload }) => heard.push(`${type} ${JSON.stringify(payload)}`));
      expect(await world().run(room.join())).toEqual([one.userId]);
      expect(await world().run(two.client.room(roomId).join())).toEqual([one.userId, two.userId]);
      await world().until(() => heard.length === 1);
      await world().run(two.client.room(roomId).publish('price', { eur: 3 }));
      await world().until(() => heard.length === 2);
      await world().run(two.client.room(roomId).leave());
      await world().until(() => heard.length === 3);
      expect(heard).toEqual([`joined ${two.userId}`, 'price {"eur":3}', `left ${two.userId}`]);
      expect(await world().run(room.members())).toEqual([one.userId]);
    });

    test('take no updates of customers', async () => {
      const { ana } = await talking(world());
      await expect(world().run(ana.client.room('anywhere').publish('x'))).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    });
  });

  test('a command that nobody defined is unknown', async () => {
    const { ana } = await talking(world());
    await expect(world().run(ana.client.call('no:such'))).rejects.toMatchObject({ code: 'UNKNOWN_COMMAND', retryable: false });
  });
}
