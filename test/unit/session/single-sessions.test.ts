// Policy single over the real registry: whatever order numbers come in, here and from other nodes, the highest one stays.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { controlOf } from '../../../server/domain/controls.ts';
import { Registry } from '../../../server/session/registry.ts';
import { SingleSessions } from '../../../server/session/single-sessions.ts';
import type { Key } from '../../../server/store/store.ts';
import { authenticate, identityOf, openSession } from './recording-socket.ts';

const user = 1;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function open() {
  const registry = new Registry({ sessionsPerUser: 10, sessionPolicy: 'single', rateProfile: 'bench' });
  const calls: { users: readonly Key[]; give(numbers: number[]): Promise<void> }[] = [];
  const told: unknown[] = [];
  const store = {
    nextSessionNumbers: (users: readonly Key[]) =>
      new Promise<{ call: number; numbers: number[] }>((resolve) =>
        calls.push({
          users,
          give: (numbers) => {
            resolve({ call: calls.length, numbers });
            return turn();
          },
        }),
      ),
  };
  const single = new SingleSessions(store, registry, {
    remote: true,
    tell: (call, events) => told.push([call, events.map((event) => [event.key, controlOf(event)])]),
  });
  const enter = () => {
    const { session, socket } = openSession();
    registry.open(session);
    session.identity = identityOf(user);
    registry.enter(session, user);
    authenticate(session, identityOf(user));
    return { session, socket };
  };
  return { registry, single, calls, told, enter };
}

test('the newer session ends the older one, with a word', async () => {
  const { single, calls, told, enter } = open();
  const first = enter();
  const one = single.take(first.session, user);
  await turn();
  await calls[0]?.give([1]);
  await one;
  const second = enter();
  const two = single.take(second.session, user);
  await turn();
  await calls[1]?.give([2]);
  await two;
  expect(first.socket.told).toEqual(['sync:required', 'end 4409']);
  expect(second.session.state).toBe('live');
  expect(told).toEqual([
    [1, [[user, { type: 'session', number: 1 }]]],
    [2, [[user, { type: 'session', number: 2 }]]],
  ]);
});

test('two of one user in a batch take two numbers', async () => {
  const { single, calls, enter } = open();
  const [first, second] = [enter(), enter()];
  const both = [single.take(first.session, user), single.take(second.session, user)];
  await turn();
  expect(calls[0]?.users).toEqual([user, user]);
  await calls[0]?.give([1, 2]);
  await Promise.all(both);
  expect([first.session.state, second.session.state]).toEqual(['closed', 'live']);
});

test('a higher number of another node ends a session whose own number is still on its way', async () => {
  const { single, calls, enter } = open();
  const { session } = enter();
  const taking = single.take(session, user);
  await turn();
  single.heard(user, 2);
  expect(session.state).toBe('live');
  await calls[0]?.give([1]);
  await taking;
  expect(session.state).toBe('closed');
});

test('a number of a user who is not here is not kept', () => {
  const { single } = open();
  single.heard(user, 5);
  expect(single.size).toBe(0);
});

test('in any order exactly the highest stays', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([1, 2, 3, 4, 5, 6], { minLength: 2 }),
      fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      async (order, local) => {
        const { single, enter } = open();
        const here = order.filter((number) => local[number - 1]).map((number) => ({ number, ...enter() }));
        for (const number of order) {
          const own = here.find((one) => one.number === number);
          if (own) own.session.number = number;
          single.heard(user, number);
        }
        const highest = Math.max(...order);
        for (const { number, session } of here) expect(session.state).toBe(number === highest ? 'live' : 'closed');
      },
    ),
    { numRuns: 200 },
  );
});
