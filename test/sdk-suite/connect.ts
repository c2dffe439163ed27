// How a client gets in, and what keeps it out.

import { describe, expect, test } from 'vitest';
import type { AuthReason } from '../../client-sdk/index.ts';
import { live, type World } from './world.ts';

export function connecting(world: () => World): void {
  describe('connecting', () => {
    test('says who the client is', async () => {
      const userId = `ana-${crypto.randomUUID()}`;
      const { client } = await live(world(), userId);
      expect(client.state).toBe('live');
      expect(client.identity).toMatchObject({ userId, role: 'customer', sessionId: expect.any(String), generation: expect.any(String) });
      expect(await world().run(client.command('ping', {}))).toEqual({ serverTime: expect.any(Number) });
    });

    test('with a refused token asks once for another, then for the application', async () => {
      const reasons: AuthReason[] = [];
      const auth = ({ reason }: { reason: AuthReason }) => {
        reasons.push(reason);
        return world().badToken();
      };
      const { client } = await world().person(`ana-${crypto.randomUUID()}`, { options: { auth: auth as never } });
      await expect(world().run(client.connect())).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
      expect(reasons).toEqual(['connect', 'refused']);
      expect(client.state).toBe('authRequired');
    });

    test('an eleventh session takes the place of the first, for good', async () => {
      const userId = `crowded-${crypto.randomUUID()}`;
      const first = await live(world(), userId);
      for (let i = 0; i < 10; i++) await live(world(), userId);
      await world().until(() => first.client.state === 'closed');
      expect(first.client.connection).toMatchObject({ reason: 'replaced', code: 4409 });
    });

    test('an expelled user is out for good', async () => {
      const userId = `ana-${crypto.randomUUID()}`;
      const ana = await live(world(), userId);
      await world().expel(userId);
      await world().until(() => ana.client.state === 'closed');
      expect(ana.client.connection).toMatchObject({ reason: 'expelled', code: 4403 });
    });

    test('a broken wire makes another session of the same user', async () => {
      const ana = await live(world(), `ana-${crypto.randomUUID()}`);
      const before = ana.client.identity?.sessionId;
      world().break(ana);
      await world().until(() => ana.client.state === 'live' && ana.client.identity?.sessionId !== before);
      expect(ana.client.identity?.userId).toBe(ana.userId);
    });
  });
}
