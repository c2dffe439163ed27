// The way in, with application commands and sessions but without a store: one answer for every command, whatever the
// handler does, and nothing runs that was refused.

import { Type } from 'typebox';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeCommand, pack, unpack } from '../../../protocol/codec.ts';
import { errorKind, limits, type Role, replyKind } from '../../../protocol/index.ts';
import { Dispatch } from '../../../server/commands/dispatch.ts';
import { defineRoute, type Route } from '../../../server/commands/route.ts';
import type { Services } from '../../../server/commands/services.ts';
import { routeTable } from '../../../server/commands/table.ts';
import { CommandError } from '../../../server/errors.ts';
import { Registry } from '../../../server/session/registry.ts';
import type { Session } from '../../../server/session/session.ts';
import { StateUnavailable } from '../../../server/state/shared-state.ts';
import { authenticate, identityOf, openSession, type RecordingSocket } from '../session/recording-socket.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const anything = Type.Object({ n: Type.Optional(Type.Integer()) }, { additionalProperties: false });
const timeoutMs = 1_000;

interface Answer {
  kind: number;
  id: number;
  /** Body of a `call` reply, or code of an error. */
  value: unknown;
  slots: unknown[];
}

class Bench {
  readonly dispatch: Dispatch;
  readonly session: Session;
  readonly socket: RecordingSocket;
  #seen = 0;

  constructor(routes: Route[], { role = 'customer' as Role, live = true, rateProfile = 'chat' as const } = {}) {
    this.dispatch = new Dispatch(routeTable({} as Services, routes), timeoutMs);
    const { session, socket } = openSession();
    this.session = session;
    this.socket = socket;
    const registry = new Registry({ sessionsPerUser: 10, sessionPolicy: 'multi', rateProfile });
    registry.open(session);
    if (!live) return;
    session.identity = identityOf(1, role);
    registry.enter(session, 1);
    authenticate(session, identityOf(1, role));
  }

  call(id: number, body?: unknown, name = 'x'): void {
    this.receive(encodeCommand('call', id, { name, body }));
  }

  receive(bytes: Uint8Array): void {
    this.dispatch.receive(this.session, bytes);
  }

  /** What was answered since the last time. */
  async answers(): Promise<Answer[]> {
    await turn();
    await turn();
    const frames = this.socket.frames.slice(this.#seen);
    this.#seen += frames.length;
    return frames.map((frame) => {
      const [kind, id, slots] = unpack(frame) as [number, number, unknown[]];
      return { kind, id, value: slots[0], slots };
    });
  }
}

const route = (definition: Partial<Parameters<typeof defineRoute>[0]> = {}) =>
  defineRoute({ name: 'x', input: anything, handle: () => ({ ok: true }), ...definition } as Parameters<typeof defineRoute>[0]);
const reply = (id: number, value: unknown) => ({ kind: replyKind, id, value });
const error = (id: number, code: string) => ({ kind: errorKind, id, value: code });

describe('an application command', () => {
  test('is answered with what its handler returns, now or later', async () => {
    const now = new Bench([route()]);
    now.call(5);
    expect(await now.answers()).toMatchObject([reply(5, { ok: true })]);
    const later = new Bench([route({ handle: async (_context, input) => ({ twice: (input as { n: number }).n * 2 }) })]);
    later.call(6, { n: 4 });
    expect(await later.answers()).toMatchObject([reply(6, { twice: 8 })]);
    expect(later.dispatch.inFlight).toBe(0);
  });

  test('without a result has an empty reply', async () => {
    const bench = new Bench([route({ handle: () => undefined })]);
    bench.call(1);
    expect(await bench.answers()).toMatchObject([{ kind: replyKind, id: 1, slots: [] }]);
  });

  test.each<[string, unknown]>([
    ['a field that is none', { m: 1 }],
    ['a wrong type', { n: 'one' }],
    ['a list', [1]],
    ['a number', 5],
  ])('with %s never reaches its handler', async (_name, body) => {
    const handle = vi.fn(() => ({}));
    const guard = vi.fn(() => undefined);
    const bench = new Bench([route({ handle, guard })]);
    bench.call(1, body);
    expect(await bench.answers()).toMatchObject([error(1, 'INVALID_BODY')]);
    expect(handle).not.toHaveBeenCalled();
    expect(guard).not.toHaveBeenCalled();
  });

  test.each([undefined, 'y', 'toString', '__proto__', 'message:send'])('of the name %s is unknown', async (name) => {
    const bench = new Bench([route()]);
    bench.receive(pack([4, 9, [name]]));
    bench.receive(pack([5, 9, [name]]));
    expect((await bench.answers()).at(-1)).toMatchObject(error(9, 'UNKNOWN_COMMAND'));
  });

  test('is for its roles and its paths only', async () => {
    const handle = vi.fn(() => ({}));
    const roles = new Bench([route({ roles: ['admin'], handle })], { role: 'agent' });
    roles.call(1);
    expect(await roles.answers()).toMatchObject([error(1, 'ACCESS_DENIED')]);
    const paths = new Bench([route({ paths: ['/admin'], handle })]);
    paths.call(2);
    expect(await paths.answers()).toMatchObject([error(2, 'UNKNOWN_COMMAND')]);
    expect(handle).not.toHaveBeenCalled();
  });

  test('has the rate it was defined with, beside the others', async () => {
    const bench = new Bench([route({ rateLimit: { limit: 1, windowMs: 60_000, burst: 2 } }), route({ name: 'y' })]);
    for (const id of [1, 2, 3]) bench.call(id);
    bench.call(4, {}, 'y');
    expect(await bench.answers()).toMatchObject([
      reply(1, { ok: true }),
      reply(2, { ok: true }),
      error(3, 'RATE_LIMIT_EXCEEDED'),
      reply(4, { ok: true }),
    ]);
  });
});

describe('a guard', () => {
  const refusals: [string, () => unknown, string][] = [
    ['returns false', () => false, 'ACCESS_DENIED'],
    ['resolves to false', async () => false, 'ACCESS_DENIED'],
    ['throws a refusal', () => refuse(), 'NOT_FOUND'],
    ['rejects with a refusal', async () => refuse(), 'NOT_FOUND'],
    ['throws anything else', () => fail(), 'INTERNAL'],
    ['rejects with anything else', async () => fail(), 'INTERNAL'],
    ['rejects with nothing', () => Promise.reject(), 'INTERNAL'],
    ['throws nothing', () => throwNothing(), 'INTERNAL'],
  ];

  test.each(refusals)('that %s: the handler does not run, and the command is refused', async (_name, guard, code) => {
    const handle = vi.fn(() => ({}));
    const bench = new Bench([route({ guard: guard as never, handle })]);
    bench.call(1);
    expect(await bench.answers()).toMatchObject([error(1, code)]);
    expect(handle).not.toHaveBeenCalled();
    expect(bench.dispatch.inFlight).toBe(0);
  });

  test('hands on what it returns', async () => {
    const bench = new Bench([
      route({ guard: (async () => 'granted') as never, handle: ((_c: unknown, _i: unknown, g: unknown) => g) as never }),
    ]);
    bench.call(1);
    expect(await bench.answers()).toMatchObject([reply(1, 'granted')]);
  });
});

test('a handler that cannot reach the shared state is answered UNAVAILABLE: the client may try again', async () => {
  const bench = new Bench([route({ handle: () => Promise.reject(new StateUnavailable('no Redis')) })]);
  bench.call(1);
  expect(await bench.answers()).toMatchObject([error(1, 'UNAVAILABLE')]);
});

describe('a handler that goes wrong is answered once, and the session goes on', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const wrong: [string, () => unknown][] = [
    ['throws', () => fail()],
    ['rejects', async () => fail()],
    ['rejects with nothing', () => Promise.reject()],
    ['throws nothing', () => throwNothing()],
    ['returns a circle', () => circular],
    ['returns a Date', () => ({ at: new Date() })],
    ['resolves to a circle', async () => circular],
    [
      'resolves to what throws when it is read',
      async () => ({
        get value() {
          return fail();
        },
      }),
    ],
  ];

  test.each(wrong)('%s', async (_name, handle) => {
    const bench = new Bench([route({ handle: handle as never }), route({ name: 'y' })]);
    bench.call(1);
    bench.call(2, {}, 'y');
    const answers = await bench.answers();
    expect(answers).toHaveLength(2);
    expect(answers).toContainEqual(expect.objectContaining(error(1, 'INTERNAL')));
    expect(answers).toContainEqual(expect.objectContaining(reply(2, { ok: true })));
    expect(bench.dispatch.inFlight).toBe(0);
  });

  test('the fault of a handler is not told to the client', async () => {
    const bench = new Bench([route({ handle: () => fail() })]);
    bench.call(77);
    const [answer] = await bench.answers();
    expect(JSON.stringify(answer?.slots)).not.toContain('secret');
    expect(answer?.slots[1]).toContain('77');
  });
});

describe('time', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('a handler that takes too long is answered UNAVAILABLE, its signal aborts, and its late result is nothing', async () => {
    let finish: (value: object) => void = () => {};
    let signal: AbortSignal | undefined;
    const bench = new Bench([
      route({
        handle: (context) => {
          signal = context.signal;
          return new Promise((resolve) => {
            finish = resolve;
          });
        },
      }),
    ]);
    bench.call(1);
    vi.advanceTimersByTime(timeoutMs - 1);
    expect(await bench.answers()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await bench.answers()).toMatchObject([error(1, 'UNAVAILABLE')]);
    expect(signal?.aborted).toBe(true);
    finish({ late: true });
    expect(await bench.answers()).toEqual([]);
    expect(bench.dispatch.inFlight).toBe(0);
  });

  test('a handler does not run when its guard took too long', async () => {
    let permit: () => void = () => {};
    const handle = vi.fn(() => ({}));
    const guard = () =>
      new Promise<void>((resolve) => {
        permit = resolve;
      });
    const bench = new Bench([route({ guard: guard as never, handle })]);
    bench.call(1);
    vi.advanceTimersByTime(timeoutMs);
    expect(await bench.answers()).toMatchObject([error(1, 'UNAVAILABLE')]);
    permit();
    await turn();
    expect(handle).not.toHaveBeenCalled();
  });
});

describe('the state gate', () => {
  test.each([4, 5, 8, 13, 25, 45, 63, 4_000_000_000])('op %i before auth is NOT_AUTHENTICATED', async (op) => {
    const bench = new Bench([route()], { live: false });
    bench.receive(pack([op, 7, []]));
    expect(await bench.answers()).toMatchObject([error(7, 'NOT_AUTHENTICATED')]);
  });

  test('while draining every command is refused retryably', async () => {
    const bench = new Bench([route()]);
    bench.dispatch.draining = true;
    bench.call(1);
    expect(await bench.answers()).toMatchObject([error(1, 'UNAVAILABLE')]);
  });

  test('an op that nobody assigned is UNKNOWN_COMMAND, and no bad frame', async () => {
    const bench = new Bench([]);
    for (let id = 1; id <= 5; id++) bench.receive(pack([1_000 + id, id, []]));
    expect((await bench.answers()).map(({ value }) => value)).toEqual(Array(5).fill('UNKNOWN_COMMAND'));
    expect(bench.session.state).toBe('live');
  });

  test('an op that nobody assigned takes no token of the keepalive', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const bench = new Bench([]);
    for (let id = 1; id <= 150; id++) {
      bench.receive(pack([1_000, id, []]));
      vi.advanceTimersByTime(20);
    }
    bench.receive(encodeCommand('ping', 201, {}));
    vi.useRealTimers();
    expect((await bench.answers()).at(-1)).toMatchObject({ kind: replyKind, id: 201 });
  });
});

describe('frames', () => {
  test('a third bad one closes 4400, after each was answered', async () => {
    const bench = new Bench([route()]);
    for (const bytes of [Uint8Array.of(), Uint8Array.of(0xc1), Uint8Array.of(0x93)]) bench.receive(bytes);
    expect((await bench.answers()).map(({ value }) => value)).toEqual(Array(3).fill('BAD_FRAME'));
    expect(bench.socket.told.at(-1)).toBe('end 4400');
    expect(bench.session.state).toBe('closed');
  });

  test('one that is too large is answered under its id and is no bad frame', async () => {
    const bench = new Bench([route()]);
    for (let id = 1; id <= 4; id++) bench.call(id, { n: 1, text: 'x'.repeat(limits.maxFrameBytes) });
    expect(await bench.answers()).toMatchObject([1, 2, 3, 4].map((id) => error(id, 'TOO_LARGE')));
    expect(bench.session.state).toBe('live');
  });

  test('of the greatest size is taken', async () => {
    const bench = new Bench([route({ input: Type.Object({ text: Type.String() }) })]);
    const overhead = encodeCommand('call', 1, { name: 'x', body: { text: 'x'.repeat(60_000) } }).length - 60_000;
    bench.call(1, { text: 'x'.repeat(limits.maxFrameBytes - overhead) });
    bench.call(2, { text: 'x'.repeat(limits.maxFrameBytes - overhead + 1) });
    expect(await bench.answers()).toMatchObject([error(2, 'TOO_LARGE'), reply(1, { ok: true })].toReversed());
  });

  test('that are too large count as frames: a flood of them closes 4429', () => {
    const bench = new Bench([route()]);
    const bytes = encodeCommand('call', 1, { name: 'x', body: { text: 'x'.repeat(limits.maxFrameBytes) } });
    for (let i = 0; i < 400; i++) bench.receive(bytes);
    expect(bench.socket.told.at(-1)).toBe('end 4429');
  });

  test('beyond the budget are refused, and a flood of them closes 4429', async () => {
    const bench = new Bench([route({ name: 'y' })]);
    for (let id = 1; id <= 150; id++) bench.receive(encodeCommand('typing:stop', id, { conversationId: '' }));
    const codes = (await bench.answers()).map(({ value }) => value);
    expect(codes.filter((code) => code === 'INVALID_BODY').length).toBeGreaterThanOrEqual(100);
    expect(codes.at(-1)).toBe('RATE_LIMIT_EXCEEDED');
    for (let id = 1; id <= 400; id++) bench.receive(encodeCommand('typing:stop', id, { conversationId: '' }));
    expect(bench.socket.told.at(-1)).toBe('end 4429');
  });
});

test('commands are counted by name, refusals by code, bad frames apart', async () => {
  const bench = new Bench([route()]);
  bench.call(1);
  bench.call(2, { m: 1 });
  bench.receive(Uint8Array.of(0xc1));
  await bench.answers();
  expect(bench.dispatch.counts).toEqual({
    frames: 3,
    badFrames: 1,
    commands: new Map([['call', 1]]),
    errors: new Map([
      ['INVALID_BODY', 1],
      ['BAD_FRAME', 1],
    ]),
  });
});

function refuse(): never {
  throw new CommandError('NOT_FOUND', 'no such order');
}

function fail(): never {
  throw new Error('a secret of the application');
}

function throwNothing(): never {
  throw undefined;
}
