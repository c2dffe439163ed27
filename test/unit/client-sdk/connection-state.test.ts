// The transition table of the client's states, row by row.

import { describe, expect, test } from 'vitest';
import { type ConnectionState, transition } from '../../../client-sdk/connection-state.ts';

const states: ConnectionState[] = [
  { name: 'idle' },
  { name: 'connecting', reason: 'connect', attempt: 2 },
  { name: 'syncing' },
  { name: 'live', since: 7 },
  { name: 'offline', reason: 'broken', code: 1006, retryAt: 9, attempt: 1 },
  { name: 'authRequired', reason: 'refused' },
  { name: 'closed', reason: 'replaced', message: 'newer', code: 4409 },
];

/** Rows: before, columns: after, in the order above. A dash: it cannot follow. */
const table = `
  idle          -    connecting -       -    -       -            closed
  connecting    idle -          syncing -    offline authRequired closed
  syncing       idle connecting -       live offline authRequired closed
  live          -    connecting -       -    offline authRequired closed
  offline       idle connecting -       -    -       -            closed
  authRequired  -    connecting -       -    -       -            closed
  closed        -    connecting -       -    -       -            closed
`;

const rows = table
  .trim()
  .split('\n')
  .map((row) => row.trim().split(/\s+/));

describe('transition', () => {
  for (const [name, ...cells] of rows) {
    const state = states.find((one) => one.name === name) as ConnectionState;
    test.each(states.map((next, i) => [next.name, { ...next }, cells[i] as string] as const))(`from ${name} to %s`, (_name, next, cell) => {
      expect(transition(state, next)).toBe(cell === '-' ? state : next);
    });
  }
});
