// How one state of the client follows another, whatever happens to it, and what of it outlives the client.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StateName } from '../../../client-sdk/index.ts';
import { Harness, sequence } from './support/harness.ts';

/** What may come next; a client that moves to another server goes from live to connecting. */
const next: Readonly<Record<StateName, readonly StateName[]>> = {
  idle: ['connecting', 'closed'],
  connecting: ['connecting', 'idle', 'syncing', 'offline', 'authRequired', 'closed'],
  syncing: ['connecting', 'idle', 'live', 'offline', 'authRequired', 'closed'],
  live: ['connecting', 'offline', 'authRequired', 'closed'],
  offline: ['connecting', 'idle', 'closed'],
  authRequired: ['connecting', 'closed'],
  closed: ['connecting', 'closed'],
};

const act = fc.constantFrom(
  'connect',
  'connect',
  'give up',
  'close',
  'cut',
  'cut',
  'silence',
  'down',
  'up',
  'token',
  'sign out',
  'shutdown',
);

test('the states follow one another as they may, and a closed client leaves nothing behind', async () => {
  const code = fc.constantFrom(1000, 1001, 1006, 1012, 1013, 4400, 4401, 4403, 4409);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(act, code, fc.nat({ max: 8_000 })), { maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const run = new Harness();
      const { server, clock } = run;
      server.logs.create('c1', ['ana']);
      let token: string | null = 'ana';
      const { client, states } = run.client('ana', { random: sequence(seed), auth: async () => token });
      for (const [what, closeCode, ms] of steps) {
        const stop = new AbortController();
        if (what === 'connect') client.connect().catch(() => {});
        else if (what === 'give up') client.connect({ signal: stop.signal }).catch(() => {});
        else if (what === 'close') client.close();
        else if (what === 'cut') for (const { socket } of server.live) socket.closeFromServer(closeCode);
        else if (what === 'down' || what === 'up') server.down = what === 'down';
        else if (what === 'token') token = ms % 2 === 0 ? 'ana' : 'bad';
        else if (what === 'sign out') token = null;
        else
          for (const session of server.live)
            server.push(session, 'server:shutdown', { reason: 'deploy', reconnectInMs: ms, message: '', timestamp: 0 });
        await clock.advance(ms % 25);
        stop.abort();
        await clock.advance(ms);
      }
      let before: StateName = 'idle';
      for (const state of states) {
        expect(next[before]).toContain(state);
        before = state;
      }
      expect(client.state).toBe(before);
      run.close();
      server.restart(); // its own timers end with it
      await clock.advance(10);
      expect([client.state, clock.waiting]).toEqual(['closed', 0]);
    }),
    { numRuns: 200 },
  );
});
