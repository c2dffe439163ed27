import { describe, expect, test } from 'vitest';
import { InMemoryState, tenantState } from '../../../server/state/index.ts';
import { sharedStateSuite } from '../../support/shared-state-suite.ts';

const shared = new InMemoryState();

sharedStateSuite('the shared state in memory', () => shared);

describe('the bounds of the state in memory', () => {
  test('the value used longest ago makes room', async () => {
    const state = new InMemoryState();
    await state.set('first', 1);
    await state.set('second', 2);
    for (let i = 0; i < 99_998; i++) await state.set(`k${i}`, i);
    await state.get('first');
    await state.set('one more', 3);
    expect(state.size).toBe(100_000);
    expect(await state.get('first')).toBe(1);
    expect(await state.get('second')).toBeUndefined();
  });

  test('large values count by their bytes', async () => {
    const state = new InMemoryState();
    const large = 'x'.repeat(65_000);
    for (let i = 0; i < 1_200; i++) await state.set(`k${i}`, large);
    expect(state.size).toBeLessThan(1_050);
    expect(await state.get('k1199')).toBe(large);
  });
});

describe('the state of a tenant', () => {
  test('is apart from that of others', async () => {
    const state = new InMemoryState();
    await tenantState(state, 'acme').set('k', 1);
    expect(await tenantState(state, 'other').get('k')).toBeUndefined();
    expect(await tenantState(state, 'acme').increment('k')).toBe(2);
  });

  test('takes keys of 200 characters, however long its name is', async () => {
    const state = tenantState(new InMemoryState(), 't'.repeat(128));
    await state.set('k'.repeat(200), 1);
    expect(await state.get('k'.repeat(200))).toBe(1);
    await expect(state.set('k'.repeat(201), 1)).rejects.toMatchObject({ code: 'INVALID_BODY' });
  });
});
