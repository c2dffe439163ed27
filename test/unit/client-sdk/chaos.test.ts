// Everything at once: two people write while wires break, servers refuse and go away.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Harness, sequence } from './support/harness.ts';

test('whatever breaks, both sides end with the same log, each entry announced once and in order', async () => {
  const act = fc.constantFrom('ana', 'luis', 'luis', 'wait', 'wait', 'lose', 'cut', 'cutBoth', 'silence', 'refuse', 'shutdown');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(act, fc.nat({ max: 4_000 })), { maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const run = new Harness();
      const { server, clock } = run;
      server.logs.create('c', ['ana', 'luis']);
      const ana = await run.live('ana', { random: sequence(seed) });
      const luis = await run.live('luis');
      let written = 0;
      let refusals = 3;
      const cut = (userId: string) => {
        for (const { socket } of server.live.filter((session) => session.userId === userId)) socket.closeFromServer(1006);
      };
      for (const [what, ms] of steps) {
        if (what === 'ana') ana.client.conversation('c').send(`ana-${++written}`);
        else if (what === 'luis') luis.client.conversation('c').send(`luis-${++written}`);
        else if (what === 'lose')
          server.faults.add(({ name }) => (name === 'message:new' && (server.log('c').length + ms) % 3 === 0 ? 'drop' : undefined));
        else if (what === 'cut') cut('ana');
        else if (what === 'cutBoth') ['ana', 'luis'].forEach(cut);
        else if (what === 'silence') for (const { socket } of ms % 2 === 0 ? server.live : []) socket.silence();
        else if (what === 'refuse') {
          // Never so often that a message is given up.
          let left = refusals > 0 ? 1 : 0;
          refusals -= left;
          server.script = ({ name }) =>
            name === 'message:send' && left-- > 0 ? { error: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 90 } } : undefined;
        } else if (what === 'shutdown') {
          for (const session of server.live)
            server.push(session, 'server:shutdown', { reason: 'deploy', reconnectInMs: ms, message: '', timestamp: 0 });
        }
        await clock.advance(ms % 60);
        if (what === 'wait') await clock.advance(ms);
      }
      server.faults.clear();
      server.script = () => undefined;
      await clock.until(() => ana.client.unsent === 0 && luis.client.unsent === 0, 600_000);
      // One more, so that a hole at the very end shows.
      luis.client.conversation('c').send('the end');
      await clock.until(() => [ana, luis].every(({ texts }) => texts.at(-1) === 'the end'), 600_000);
      const { log } = server.logs.get('c');
      for (const { entries, client } of [ana, luis]) {
        expect(entries).toEqual(log);
        expect(client.conversation('c').entries).toEqual(log);
      }
      for (const user of ['ana', 'luis']) {
        const own = log.filter(({ sender, text }) => sender === user && text !== 'the end').map(({ text }) => Number(text?.split('-')[1]));
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
      expect(new Set(log.map(({ messageId }) => messageId)).size).toBe(written + 1);
      run.close();
    }),
    { numRuns: 150 },
  );
}, 60_000);
