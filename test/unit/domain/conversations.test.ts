// The cache of conversations: the newest version wins, whatever order answers and changes come in.

import { describe, expect, test } from 'vitest';
import { Conversations, type MembersChanged } from '../../../server/domain/conversations.ts';
import { type ConversationRecord, type Key, type Store, StoreUnavailable } from '../../../server/store/store.ts';

const record = (accessVersion: number, id = 'c', key: Key = 7): ConversationRecord => ({
  key,
  tenant: 't',
  id,
  workspace: 'w',
  channel: 'web',
  status: 'open',
  botEnabled: false,
  ownerEpoch: 0,
  accessVersion,
  createdBy: { key: 1, id: 'u1' },
  createdAtMs: 0,
});
const known = (accessVersion: number, ...members: Key[]) => ({ record: record(accessVersion), members: new Set(members) });
const removal = (accessVersion: number, user: Key): MembersChanged => ({
  conversation: 7,
  conversationId: 'c',
  accessVersion,
  added: [],
  removed: [user],
});
const addition = (accessVersion: number, user: Key): MembersChanged => ({
  conversation: 7,
  conversationId: 'c',
  accessVersion,
  added: [user],
  removed: [],
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Load {
  ids: readonly { tenant: string; id: string }[];
  resolve(answers: unknown[]): void;
  reject(error: Error): void;
}

function open() {
  const loads: Load[] = [];
  const store = {
    loadConversations: (ids: Load['ids']) => new Promise((resolve, reject) => loads.push({ ids, resolve, reject })),
  } as unknown as Store;
  const conversations = new Conversations(store);
  const members = () => [...(conversations.peek('t', 'c')?.members ?? [])];
  return { conversations, loads, members };
}

describe('loading', () => {
  test('asks once for what is not cached, and answers at once afterwards', async () => {
    const { conversations, loads } = open();
    const answer = conversations.get('t', 'c');
    expect(answer).toBeInstanceOf(Promise);
    await turn();
    loads[0]?.resolve([known(1, 1)]);
    expect(await answer).toMatchObject({ record: { accessVersion: 1 } });
    expect(conversations.get('t', 'c')).not.toBeInstanceOf(Promise);
    expect(loads).toHaveLength(1);
  });

  test('many that are asked for in one turn are one question', async () => {
    const { conversations, loads } = open();
    const answers = ['a', 'b', 'c'].map((id) => conversations.get('t', id));
    await turn();
    expect(loads.map((load) => load.ids.map(({ id }) => id))).toEqual([['a', 'b', 'c']]);
    loads[0]?.resolve([undefined, known(1, 1), undefined]);
    expect(await Promise.all(answers)).toEqual([undefined, known(1, 1), undefined]);
  });

  test('nothing is remembered of a conversation that does not exist', async () => {
    const { conversations, loads } = open();
    for (let i = 0; i < 2; i++) {
      const answer = conversations.get('t', 'none');
      await turn();
      loads[i]?.resolve([undefined]);
      expect(await answer).toBeUndefined();
    }
    expect(conversations.size).toBe(0);
  });

  test('a failed load rejects and is not remembered', async () => {
    const { conversations, loads } = open();
    const answer = conversations.get('t', 'c');
    await turn();
    loads[0]?.reject(new StoreUnavailable('away'));
    await expect(answer).rejects.toBeInstanceOf(StoreUnavailable);
    void conversations.get('t', 'c');
    await turn();
    expect(loads).toHaveLength(2);
  });

  test('the same id in another tenant is another conversation', () => {
    const { conversations } = open();
    conversations.learn(record(1), [1]);
    expect(conversations.peek('other', 'c')).toBeUndefined();
    expect(conversations.peek('t\0c', '')).toBeUndefined();
    expect(conversations.peek('', 't\0c')).toBeUndefined();
  });

  test('an answer older than the copy does not replace it', async () => {
    const { conversations, loads, members } = open();
    conversations.learn(record(1), [1, 2]);
    const answer = conversations.reload('t', 'c');
    await turn();
    conversations.membersChanged(removal(2, 2));
    loads[0]?.resolve([known(1, 1, 2)]);
    await turn();
    await turn();
    loads[1]?.resolve([known(2, 1)]);
    expect(await answer).toMatchObject({ record: { accessVersion: 2 }, members: new Set([1]) });
    expect(members()).toEqual([1]);
  });

  // The load was asked before the removal was committed; its answer comes after the removal has passed.
  test('an answer older than a change that passed while nothing was cached does not let the removed member in', async () => {
    const { conversations, loads, members } = open();
    const answer = conversations.get('t', 'c');
    await turn();
    conversations.membersChanged(removal(2, 2));
    loads[0]?.resolve([known(1, 1, 2)]);
    await turn();
    await turn();
    loads[1]?.resolve([known(2, 1)]);
    const told = await answer;
    expect([...(told?.members ?? [])]).not.toContain(2);
    expect(members()).not.toContain(2);
  });

  test('a store that only gives old answers is asked a few times, and what it says is not kept', async () => {
    const { conversations, loads } = open();
    const answer = conversations.get('t', 'c');
    conversations.membersChanged(removal(2, 2));
    let told: unknown;
    void Promise.resolve(answer).then((found) => {
      told = found;
    });
    for (let asked = 0; told === undefined; asked++) {
      await turn();
      await turn();
      loads[asked]?.resolve([known(1, 1, 2)]);
      await turn();
    }
    expect(loads.length).toBeLessThanOrEqual(5);
    expect(conversations.size).toBe(0);
  });

  test('what was learnt from an older read does not replace a newer copy, nor what is known to be newer', () => {
    const { conversations, members } = open();
    conversations.learn(record(3), [1]);
    conversations.learn(record(2), [1, 2]);
    expect(members()).toEqual([1]);
    conversations.forget(7, 5);
    conversations.learn(record(4), [1, 2]);
    expect(conversations.size).toBe(0);
    conversations.learn(record(5), [1]);
    expect(members()).toEqual([1]);
  });
});

describe('a change of members', () => {
  test('is applied to a copy that it follows on', () => {
    const { conversations, members } = open();
    conversations.learn(record(1), [1, 2]);
    conversations.membersChanged(addition(2, 3));
    conversations.membersChanged(removal(3, 1));
    expect(members()).toEqual([2, 3]);
    expect(conversations.peek('t', 'c')?.record.accessVersion).toBe(3);
  });

  test('that was seen already changes nothing', () => {
    const { conversations, members } = open();
    conversations.learn(record(3), [1, 2]);
    conversations.membersChanged(removal(3, 2));
    conversations.membersChanged(removal(2, 1));
    expect(members()).toEqual([1, 2]);
  });

  test('after one that was missed drops the copy', () => {
    const { conversations } = open();
    conversations.learn(record(1), [1, 2]);
    conversations.membersChanged(addition(3, 3));
    expect(conversations.peek('t', 'c')).toBeUndefined();
    conversations.membersChanged(addition(4, 4));
    expect(conversations.size).toBe(0);
  });

  test('leaves what was handed out before as it was', () => {
    const { conversations } = open();
    const before = conversations.learn(record(1), [1, 2]);
    conversations.membersChanged(removal(2, 2));
    expect([...before.members]).toEqual([1, 2]);
    expect(before.record.accessVersion).toBe(1);
  });

  test('of another conversation is not ours', () => {
    const { conversations, members } = open();
    conversations.learn(record(1), [1, 2]);
    conversations.membersChanged({ ...removal(2, 2), conversation: 8 });
    expect(members()).toEqual([1, 2]);
  });
});

test('forget drops the copy, and its key leads nowhere afterwards', () => {
  const { conversations } = open();
  conversations.learn(record(1), [1]);
  conversations.forget(7);
  conversations.forget(7);
  expect(conversations.peek('t', 'c')).toBeUndefined();
  conversations.learn(record(1, 'd', 8), [1]);
  expect(conversations.size).toBe(1);
});

test('the cache is bounded by members', () => {
  const { conversations } = open();
  const crowd = Array.from({ length: 900_000 }, (_, i) => i);
  for (let i = 0; i < 4; i++) conversations.learn(record(1, `c${i}`, i), crowd);
  expect(conversations.size).toBe(2);
  expect(conversations.peek('t', 'c3')).toBeDefined();
  conversations.membersChanged({ conversationId: 'c', conversation: 0, accessVersion: 2, added: [1], removed: [] });
  expect(conversations.size).toBe(2);
});
