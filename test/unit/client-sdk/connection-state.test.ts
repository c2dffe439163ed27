// The transition table of the client's states, row by row.

import { describe, expect, test } from 'vitest';
import { type ConnectionEvent, type ConnectionState, transition } from '../../../client-sdk/connection-state.ts';

const states: ConnectionState[] = [
  { name: 'idle' },
  { name: 'connecting', attempt: 2 },
  { name: 'syncing' },
  { name: 'live', since: 7 },
  { name: 'offline', reason: 'broken', code: 1006, retryAt: 9, attempt: 1 },
  { name: 'authRequired', reason: 'refused' },
  { name: 'closed', reason: 'replaced', message: 'newer', code: 4409 },
];

const events: ConnectionEvent[] = [
  { type: 'connect', attempt: 0 },
  { type: 'authenticated' },
  { type: 'caughtUp', at: 5 },
  { type: 'lost', reason: 'cut', code: 1006, retryAt: 50, attempt: 3 },
  { type: 'refused', reason: 'no token' },
  { type: 'cancelled' },
  { type: 'ended', reason: 'client', message: 'bye' },
];

/** Rows: states, columns: events, in the order above. A dash: the event is not heard. */
const table = `
  idle          connecting -       -     -        -             -     closed
  connecting    -          syncing -     offline  authRequired  idle  closed
  syncing       connecting -       live  offline  authRequired  idle  closed
  live          connecting -       -     offline  authRequired  -     closed
  offline       connecting -       -     -        -             idle  closed
  authRequired  connecting -       -     -        -             -     closed
  closed        connecting -       -     -        -             -     closed
`;

const rows = table
  .trim()
  .split('\n')
  .map((row) => row.trim().split(/\s+/));

describe('transition', () => {
  for (const [name, ...cells] of rows) {
    const state = states.find((one) => one.name === name) as ConnectionState;
    test.each(events.map((event, i) => [event.type, event, cells[i] as string] as const))(`${name} hears %s`, (_type, event, cell) => {
      const next = transition(state, event);
      if (cell === '-') expect(next).toBe(state);
      else expect(next.name).toBe(cell);
    });
  }

  test('the new state carries what the event said', () => {
    const [idle, connecting, syncing, live] = states as [ConnectionState, ConnectionState, ConnectionState, ConnectionState];
    expect(transition(idle, { type: 'connect', attempt: 4 })).toEqual({ name: 'connecting', attempt: 4 });
    expect(transition(syncing, { type: 'caughtUp', at: 5 })).toEqual({ name: 'live', since: 5 });
    expect(transition(live, { type: 'lost', reason: 'cut', code: 1013, retryAt: 50, attempt: 3 })).toEqual({
      name: 'offline',
      reason: 'cut',
      code: 1013,
      retryAt: 50,
      attempt: 3,
    });
    expect(transition(connecting, { type: 'refused', reason: 'no token' })).toEqual({ name: 'authRequired', reason: 'no token' });
    expect(transition(live, { type: 'ended', reason: 'expelled', message: 'go', code: 4403 })).toEqual({
      name: 'closed',
      reason: 'expelled',
      message: 'go',
      code: 4403,
    });
  });
});
