// Presence of users on several nodes, on a virtual clock: who is told what, and when nobody may be told anything.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodePush } from '../../../protocol/codec.ts';
import type { Role } from '../../../protocol/index.ts';
import type { Identity } from '../../../server/domain/identity.ts';
import type { PresentSession } from '../../../server/domain/presence/own-users.ts';
import { Presence } from '../../../server/domain/presence.ts';
import type { Peer } from '../../../server/store/store.ts';
import { RosterNetwork } from '../../support/roster-network.ts';
import { identityOf, log } from '../session/recording-socket.ts';

/** What a node has published, and which sessions hear it. */
class Place {
  readonly published: { topic: string; body: Record<string, unknown> }[] = [];
  readonly touched: { user: number; atMs: number }[] = [];
  readonly presence: Presence;
  storeAnswers = true;
  /** What the store waits for before it answers who may be seen, by the first of them. */
  readonly delays = new Map<string, Promise<void>>();
  /** How often the store was asked who may be seen. */
  asked = 0;

  constructor(node: string, aheadMs = 0) {
    const { clock } = network;
    const names = { p: 'presence:update', q: 'presence:update' } as const;
    this.presence = new Presence({
      node,
      roster: network.roster(node),
      topics: {
        publish: (topic, frame) => {
          const name = names[topic[0] as 'p'] ?? (frame[1] === 79 ? 'user:connected' : 'user:disconnected');
          this.published.push({ topic, body: decodePush(name, frame) as Record<string, unknown> });
        },
      },
      store: {
        findPeers: async ({ userIds, viewer }) => {
          this.asked++;
          const found = userIds.flatMap((id) => peers.get(id) ?? []).filter(({ key }) => !strangers.has(`${viewer} ${key}`));
          await this.delays.get(userIds[0] as string);
          if (!this.storeAnswers) throw new Error('the store does not answer');
          return found;
        },
        touchUsers: async (rows) => {
          if (!this.storeAnswers) throw new Error('the store does not answer');
          this.touched.push(...rows);
        },
      },
      log,
      sessionsPerUser: 3,
      clock: {
        nowMs: () => clock.nowMs() + aheadMs,
        later: (run, delayMs) => clock.later(run, delayMs),
        soon: (run) => clock.soon(run),
      },
    });
  }

  /** Statuses told of a user, with `!` where lastSeen came along. */
  told(topic: string): string[] {
    return this.published.filter((one) => one.topic === topic).map(({ body }) => `${body.status}${body.lastSeen ? '!' : ''}`);
  }

  get arrivals(): string[] {
    return this.published.filter(({ topic }) => topic.startsWith('a')).map(({ body }) => `${body.connectedAt ? '+' : '-'}${body.userId}`);
  }
}

class FakeSession implements PresentSession {
  readonly id: string;
  readonly identity: Identity;
  readonly topics = new Set<string>();
  readonly #place: Place;
  readonly pushed: unknown[] = [];
  isLive = true;
  ended: number | undefined;

  constructor(place: Place, key: number, more: Partial<Identity> = {}) {
    this.id = `s${String(sessions++).padStart(4, '0')}`;
    this.#place = place;
    this.identity = { ...identityOf(key), ...more };
    place.presence.enter(this);
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  push(_name: string, presence: unknown): void {
    this.pushed.push(presence);
  }

  end(code: 4409): void {
    this.ended = code;
    this.close();
  }

  close(): void {
    this.isLive = false;
    this.#place.presence.leave(this);
  }
}

const peer = (key: number, role: Role = 'customer', lastSeenMs = 0): Peer => ({
  key,
  id: `u${key}`,
  role,
  workspace: 'w',
  email: `u${key}@example.com`,
  lastSeenMs,
});

let network: RosterNetwork;
let sessions = 0;
let peers: Map<string, Peer>;
/** `viewer user` who may not be seen by the viewer. */
let strangers: Set<string>;
let nodes: string[];
let here: Place;
let there: Place;

beforeEach(async () => {
  network = new RosterNetwork();
  peers = new Map([peer(1), peer(2), peer(3), peer(4), peer(99)].map((one) => [one.id, one]));
  strangers = new Set(['2 99']);
  nodes = [network.start(), network.start()];
  [here, there] = nodes.map((node) => new Place(node)) as [Place, Place];
  await network.clock.pass(2_000);
});
afterEach(() => {
  network.close();
  here.presence.close();
  there.presence.close();
});

async function watching(place: Place, viewer: FakeSession, ...userIds: string[]): Promise<string[]> {
  return (await place.presence.subscribe(viewer, userIds, sessions++)).map(({ status }) => status);
}

describe('who is online', () => {
  test('is known on every node, and told to those who asked, once', async () => {
    const viewer = new FakeSession(there, 2);
    expect(await watching(there, viewer, 'u1', 'u3')).toEqual(['offline', 'offline']);
    const session = new FakeSession(here, 1);
    await network.clock.pass(100);
    expect(there.told('p1')).toEqual(['online']);
    expect(here.published.filter(({ topic }) => topic === 'p1')).toEqual([]);
    expect(viewer.topics).toEqual(new Set(['p1', 'p3']));
    expect(await watching(there, viewer, 'u1')).toEqual(['online']);
    expect(viewer.topics).toEqual(new Set(['p1']));
    new FakeSession(there, 1);
    session.close();
    await network.clock.pass(10_000);
    expect(there.told('p1')).toEqual(['online']);
  });

  test('stays so for 5 s after the last session, so that a reconnect is not seen', async () => {
    const viewer = new FakeSession(there, 2);
    await watching(there, viewer, 'u1');
    const first = new FakeSession(here, 1);
    await network.clock.pass(1_000);
    first.close();
    await network.clock.pass(4_000);
    const second = new FakeSession(there, 1);
    await network.clock.pass(10_000);
    second.close();
    await network.clock.pass(4_900);
    expect(there.told('p1')).toEqual(['online']);
    await network.clock.pass(200);
    expect(there.told('p1')).toEqual(['online', 'offline!']);
    expect(await watching(there, viewer, 'u1')).toEqual(['offline']);
  });

  test('the strongest status of all sessions and nodes counts; one in its grace does not against others', async () => {
    const viewer = new FakeSession(there, 2);
    await watching(there, viewer, 'u1');
    const phone = new FakeSession(here, 1);
    const desk = new FakeSession(there, 1);
    await network.clock.pass(100);
    there.presence.setStatus(desk, 'away');
    here.presence.setStatus(phone, 'busy');
    await network.clock.pass(100);
    phone.close();
    await network.clock.pass(100);
    there.presence.setStatus(desk, 'online');
    await network.clock.pass(10_000);
    expect(there.told('p1')).toEqual(['online', 'busy', 'away', 'online']);
  });

  test('the e-mail is told to staff of the same workspace only', async () => {
    const agent = new FakeSession(here, 2, { role: 'agent' });
    const stranger = new FakeSession(here, 3, { role: 'agent', workspaceId: 'other' });
    const customer = new FakeSession(here, 4);
    for (const viewer of [agent, stranger, customer]) await watching(here, viewer, 'u1');
    expect([agent, stranger, customer].map(({ topics }) => [...topics])).toEqual([['q1'], ['p1'], ['p1']]);
    new FakeSession(there, 1, { email: 'u1@example.com' });
    await network.clock.pass(100);
    const bodies = here.published.filter(({ topic }) => /^[pq]1/.test(topic)).map(({ topic, body }) => [topic, body.email]);
    expect(bodies).toEqual([
      ['p1', undefined],
      ['q1', 'u1@example.com'],
    ]);
    const answers = await Promise.all([agent, stranger, customer].map((viewer) => here.presence.subscribe(viewer, ['u1'], sessions++)));
    expect(answers.map(([answer]) => answer?.email)).toEqual(['u1@example.com', undefined, undefined]);
    expect(here.presence.peersOf(agent.identity, [1, 2, 3, 4])).toMatchObject([
      { userId: 'u1', email: 'u1@example.com' },
      { userId: 'u3' },
      { userId: 'u4' },
    ]);
  });

  test('who may not be seen is never told of, and reads like one who is unknown', async () => {
    const viewer = new FakeSession(here, 2);
    new FakeSession(here, 99);
    expect(await here.presence.subscribe(viewer, ['u99', 'nobody'], 1)).toEqual([
      { userId: 'u99', status: 'offline' },
      { userId: 'nobody', status: 'offline' },
    ]);
    expect(viewer.topics.size).toBe(0);
  });

  test('of two subscribes at once the later one stays; of an ended session nothing stays', async () => {
    const viewer = new FakeSession(here, 2);
    const slow = Promise.withResolvers<void>();
    here.delays.set('u1', slow.promise);
    const first = here.presence.subscribe(viewer, ['u1'], 1);
    await here.presence.subscribe(viewer, ['u3'], 2);
    slow.resolve();
    expect(await first).toMatchObject([{ userId: 'u1', status: 'offline' }]);
    expect(viewer.topics).toEqual(new Set(['p3']));
    const late = here.presence.subscribe(viewer, ['u1'], 3);
    viewer.close();
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(here.presence.stats()).toMatchObject({ watchedTopics: 0, watchers: 0 });
  });
});

describe('who does not want to be seen', () => {
  test('is offline to all, without a time; coming back and leaving tell nothing but what was seen', async () => {
    const viewer = new FakeSession(there, 2);
    await watching(there, viewer, 'u1');
    const session = new FakeSession(here, 1);
    await network.clock.pass(1_000);
    here.presence.setStatus(session, 'offline');
    await network.clock.pass(1_000);
    expect(there.told('p1')).toEqual(['online', 'offline']);
    expect(await there.presence.subscribe(viewer, ['u1'], 10_000)).toEqual([{ userId: 'u1', status: 'offline', role: 'customer' }]);
    expect(there.presence.peersOf(viewer.identity, [1])).toEqual([]);
    expect(there.presence.isConnected('t', 'u1')).toBe(true);
    const hiddenAtMs = here.touched.at(-1)?.atMs;
    session.close();
    await network.clock.pass(60_000);
    expect(there.told('p1')).toEqual(['online', 'offline']);
    expect(here.touched.filter(({ user }) => user === 1)).toEqual([{ user: 1, atMs: hiddenAtMs }]);
    expect(there.arrivals.filter((one) => one.endsWith('u1'))).toEqual(['+u1', '-u1']);
  });
});

describe('nodes that die', () => {
  test('their users turn offline after 20 s, and those who came back elsewhere do not', async () => {
    const viewer = new FakeSession(there, 2);
    await watching(there, viewer, 'u1', 'u3');
    new FakeSession(here, 1);
    new FakeSession(here, 3);
    await network.clock.pass(1_000);
    network.kill(nodes[0] as string);
    await network.clock.pass(15_000);
    new FakeSession(there, 3);
    await network.clock.pass(4_000);
    expect(there.told('p1')).toEqual(['online']);
    await network.clock.pass(2_000);
    expect(there.told('p1')).toEqual(['online', 'offline!']);
    expect(there.told('p3')).toEqual(['online']);
    expect(there.touched).toMatchObject([{ user: 1 }]);
  });

  test('while the nodes cannot hear each other nobody turns offline; afterwards who is gone does', async () => {
    const viewer = new FakeSession(there, 2);
    await watching(there, viewer, 'u1', 'u3');
    const gone = new FakeSession(here, 1);
    new FakeSession(here, 3);
    await network.clock.pass(1_000);
    network.redis('out');
    gone.close();
    await network.clock.pass(60_000);
    expect(there.told('p1')).toEqual(['online']);
    network.redis('back');
    await network.clock.pass(10_000);
    expect(there.told('p1')).toEqual(['online', 'offline!']);
    expect(there.told('p3')).toEqual(['online']);
    expect(there.presence.stats().held).toBe(0);
  });

  test('a user of this node who leaves while nobody can be heard is held back, and may be back elsewhere', async () => {
    const viewer = new FakeSession(here, 2);
    await watching(here, viewer, 'u1', 'u3');
    const [moved, left] = [new FakeSession(here, 1), new FakeSession(here, 3)];
    await network.clock.pass(1_000);
    network.turn(nodes[0] as string, 'suspect');
    moved.close();
    left.close();
    new FakeSession(there, 1);
    await network.clock.pass(10_000);
    expect([here.told('p1'), here.told('p3')]).toEqual([['online'], ['online']]);
    expect(here.presence.stats().held).toBe(2);
    network.turn(nodes[0] as string, 'up');
    await network.clock.pass(10_000);
    expect([here.told('p1'), here.told('p3')]).toEqual([['online'], ['online', 'offline!']]);
  });
});

describe('arrivals', () => {
  test('are told to the agents of the workspace by every node; who comes and goes at once was not there', async () => {
    const session = new FakeSession(here, 1, { workspaceId: 'a' });
    const fleeting = new FakeSession(here, 3);
    here.presence.setStatus(fleeting, 'offline');
    await network.clock.pass(1_000);
    for (const place of [here, there]) {
      const told = place.published.filter(({ topic }) => topic.startsWith('a'));
      expect(told).toMatchObject([{ topic: 'a["t","a"]', body: { userId: 'u1', role: 'customer' } }]);
    }
    session.close();
    await network.clock.pass(10_000);
    expect(there.arrivals).toEqual(['+u1', '-u1']);
  });

  test('who was told as gone is told as back, when the node was only silent', async () => {
    new FakeSession(here, 1);
    await network.clock.pass(60_000);
    network.deafen(nodes[0] as string, nodes[1] as string);
    await network.clock.pass(20_000);
    network.nodes.get(nodes[1] as string)?.bus.ended(nodes[0] as string, 'gone');
    await network.clock.pass(10_000);
    expect(there.arrivals).toEqual(['+u1', '-u1']);
    network.hear();
    await network.clock.pass(20_000);
    expect(there.arrivals).toEqual(['+u1', '-u1', '+u1']);
    expect(here.arrivals).toEqual(['+u1']);
  });

  test('come 200 at a time', async () => {
    for (let key = 1_000; key < 1_500; key++) new FakeSession(here, key);
    await network.clock.pass(251);
    expect(here.arrivals).toHaveLength(200);
    await network.clock.pass(250);
    expect(here.arrivals).toHaveLength(400);
    await network.clock.pass(250);
    expect(here.arrivals).toHaveLength(500);
    expect(here.presence.stats().arrivals).toBe(0);
  });

  test('a node that starts does not announce who was there long before', async () => {
    new FakeSession(here, 1);
    await network.clock.pass(40_000);
    const third = new Place(network.start());
    await network.clock.pass(5_000);
    expect(third.presence.isConnected('t', 'u1')).toBe(true);
    expect(third.arrivals).toEqual([]);
    third.presence.close();
  });
});

describe('whoever loses a conversation', () => {
  test('hears no more of those with whom none is left in common, and is told that they read as offline', async () => {
    const viewer = new FakeSession(there, 2);
    new FakeSession(here, 1);
    new FakeSession(here, 3);
    await network.clock.pass(100);
    expect(await watching(there, viewer, 'u1', 'u3', 'u4')).toEqual(['online', 'online', 'offline']);
    for (const key of [1, 4]) strangers.add(`2 ${key}`);
    there.presence.recheck(2);
    await network.clock.pass(200);
    expect(viewer.topics).toEqual(new Set(['p3']));
    expect(viewer.pushed).toEqual([{ userId: 'u1', status: 'offline' }]);
  });

  test('is no more heard of by customers of other nodes either', async () => {
    const viewer = new FakeSession(there, 2);
    new FakeSession(here, 1);
    await watching(there, viewer, 'u1', 'u3');
    strangers.add('2 1');
    there.presence.recheck(1);
    await network.clock.pass(200);
    expect(viewer.topics).toEqual(new Set(['p3']));
  });

  test('is judged at most once a second for each session, however often it happens; staff and who asked for nobody never', async () => {
    const viewer = new FakeSession(there, 2);
    const agent = new FakeSession(there, 3, { role: 'agent' });
    new FakeSession(there, 2);
    for (const session of [viewer, agent]) await watching(there, session, 'u1');
    there.asked = 0;
    for (let i = 0; i < 500; i++) {
      there.presence.recheck(2);
      there.presence.recheck(3);
      await network.clock.pass(10);
    }
    expect(there.asked).toBe(5);
    strangers.add('2 1');
    there.presence.recheck(2);
    await network.clock.pass(1_100);
    expect(viewer.topics.size).toBe(0);
    expect(agent.topics.size).toBe(1);
  });

  test('is judged as soon as the store answers', async () => {
    const viewer = new FakeSession(there, 2);
    await watching(there, viewer, 'u1');
    strangers.add('2 1');
    there.storeAnswers = false;
    there.presence.recheck(2);
    await network.clock.pass(5_000);
    expect(viewer.topics.size).toBe(1);
    there.storeAnswers = true;
    await network.clock.pass(1_100);
    expect(viewer.topics.size).toBe(0);
  });

  test('while a subscribe is under way that has read before is judged again', async () => {
    const viewer = new FakeSession(there, 2);
    const slow = Promise.withResolvers<void>();
    there.delays.set('u1', slow.promise);
    const subscribed = watching(there, viewer, 'u1');
    strangers.add('2 1');
    there.presence.recheck(1);
    await network.clock.pass(2_000);
    there.delays.clear();
    slow.resolve();
    await subscribed;
    await network.clock.pass(200);
    expect(viewer.topics.size).toBe(0);
  });
});

describe('what another version says', () => {
  test.each([
    ['an object', '1', { status: 'online', v: 2 }],
    ['a text', '1', 'online'],
    ['too short', '1', ['online', [], 'u1']],
    ['an unknown status', '1', ['asleep', [], 'u1', 'customer', 't', 'w', null, 1, true]],
    ['an unknown role', '1', ['online', [], 'u1', 'robot', 't', 'w', null, 1, true]],
    ['another kind of sessions', '1', ['online', [{ id: 's' }], 'u1', 'customer', 't', 'w', null, 1, true]],
    ['a stamp that cannot grow', '1', ['online', [[Number.MAX_SAFE_INTEGER, 's']], 'u1', 'customer', 't', 'w', null, 1, true]],
    ['no key of a user', 'ana', ['online', [], 'u1', 'customer', 't', 'w', null, 1, true]],
  ])('%s: is left out, and the rest of it is used, from the bus and from its page', async (_name, key, value) => {
    const other = network.start();
    const good = ['online', [], 'u3', 'customer', 't', 'w', null, 1, true, 'of a later version'];
    await network.clock.pass(2_000);
    network.roster(other).set('presence', key, value);
    network.roster(other).set('presence', '3', good);
    await network.clock.pass(3_000);
    const third = new Place(network.start());
    await network.clock.pass(3_000);
    for (const place of [here, third]) {
      expect(place.presence.connected('t')).toEqual(['u3']);
      expect(place.presence.sessionsOf('t', 'u1')).toEqual([]);
    }
    for (const node of network.nodes.keys()) expect(network.roster(node).settled).toBe(true);
    third.presence.close();
  });
});

describe('last seen', () => {
  test('is written by the node of the last session, in batches, and again when the store did not answer', async () => {
    const all = [1, 3, 4].map((key) => new FakeSession(here, key));
    await network.clock.pass(1_000);
    here.storeAnswers = false;
    for (const session of all) session.close();
    await network.clock.pass(7_000);
    expect(here.touched).toEqual([]);
    expect(here.presence.stats().lastSeen).toBe(3);
    here.storeAnswers = true;
    await network.clock.pass(2_000);
    expect(here.touched.map(({ user }) => user).toSorted()).toEqual([1, 3, 4]);
    expect(there.touched).toEqual([]);
  });

  test('is answered before it is written', async () => {
    const viewer = new FakeSession(there, 2);
    const session = new FakeSession(here, 1);
    await network.clock.pass(1_000);
    session.close();
    await network.clock.pass(5_100);
    const [answer] = await there.presence.subscribe(viewer, ['u1'], 1);
    expect(network.clock.nowMs() - (answer?.lastSeen ?? 0)).toBeLessThan(200);
  });

  test('of users who are online is written when their node ends', async () => {
    new FakeSession(here, 1);
    await here.presence.flush();
    expect(here.touched).toMatchObject([{ user: 1 }]);
  });
});

describe('the cap of sessions', () => {
  test('counts on all nodes; the oldest goes, wherever it is', async () => {
    const opened: FakeSession[] = [];
    for (const place of [here, there, here]) {
      opened.push(new FakeSession(place, 1));
      await network.clock.pass(100);
    }
    expect(opened.map(({ ended }) => ended)).toEqual([undefined, undefined, undefined]);
    opened.push(new FakeSession(there, 1), new FakeSession(there, 1));
    await network.clock.pass(500);
    expect(opened.map(({ ended }) => ended)).toEqual([4409, 4409, undefined, undefined, undefined]);
    expect(here.presence.sessionsOf('t', 'u1')).toEqual(opened.slice(2).map(({ id }) => id));
    expect(there.presence.sessionsOf('t', 'u1')).toEqual(opened.slice(2).map(({ id }) => id));
    expect(there.presence.userOfSession('t', opened[2]?.id ?? '')).toBe('u1');
  });

  test('many at once on both nodes: the same ones are left on both', async () => {
    const opened = Array.from({ length: 20 }, (_, i) => new FakeSession(i % 2 ? here : there, 1));
    await network.clock.pass(500);
    const left = opened.filter(({ ended }) => ended === undefined).map(({ id }) => id);
    expect(left).toHaveLength(3);
    expect(here.presence.sessionsOf('t', 'u1')).toEqual(left);
  });

  test('a node whose clock is ahead gives its sessions no advantage over those that are opened later elsewhere', async () => {
    const fast = new Place(network.start(), 60_000);
    await network.clock.pass(2_000);
    const old = [1, 2, 3].map(() => new FakeSession(fast, 1));
    await network.clock.pass(1_000);
    const again = [1, 2, 3].map(() => new FakeSession(there, 1));
    await network.clock.pass(5_000);
    expect(old.map(({ ended }) => ended)).toEqual([4409, 4409, 4409]);
    expect(again.map(({ ended }) => ended)).toEqual([undefined, undefined, undefined]);
    fast.presence.close();
  });

  test('sessions of a node that has died replace nobody, while it is not known to be dead', async () => {
    const oldest = [new FakeSession(there, 1), new FakeSession(there, 1)];
    await network.clock.pass(1_000);
    new FakeSession(here, 1);
    await network.clock.pass(1_000);
    network.kill(nodes[0] as string);
    const again = new FakeSession(there, 1);
    await network.clock.pass(30_000);
    expect([...oldest, again].map(({ ended }) => ended)).toEqual([undefined, undefined, undefined]);
    expect(there.presence.sessionsOf('t', 'u1')).toHaveLength(3);
  });

  test('a session elsewhere whose end was not heard replaces nobody', async () => {
    const oldest = [new FakeSession(there, 1), new FakeSession(there, 1)];
    await network.clock.pass(100);
    const moved = new FakeSession(here, 1);
    await network.clock.pass(100);
    network.deafen(nodes[0] as string, nodes[1] as string);
    moved.close();
    await network.clock.pass(100);
    network.hear();
    const again = new FakeSession(there, 1);
    await network.clock.pass(2_000);
    expect([...oldest, again].map(({ ended }) => ended)).toEqual([undefined, undefined, undefined]);
  });

  test('counts what was opened on both sides while the nodes could not hear each other', async () => {
    network.redis('out');
    const opened = [here, there, here, there].map((place) => new FakeSession(place, 1));
    await network.clock.pass(60_000);
    expect(opened.map(({ ended }) => ended)).toEqual([undefined, undefined, undefined, undefined]);
    network.redis('back');
    await network.clock.pass(10_000);
    expect(opened.filter(({ ended }) => ended === 4409)).toHaveLength(1);
  });

  test('does not concern bots', async () => {
    const bots = Array.from({ length: 10 }, () => new FakeSession(here, 1, { role: 'bot' }));
    await network.clock.pass(500);
    expect(bots.every(({ ended }) => ended === undefined)).toBe(true);
    expect(here.presence.sessionsOf('t', 'u1')).toHaveLength(10);
    expect(there.presence.isConnected('t', 'u1')).toBe(true);
    expect(there.presence.connected('t')).toEqual(['u1']);
    expect(there.presence.connected('other')).toEqual([]);
  });
});
