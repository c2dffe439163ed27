// What the SDK asks of its surroundings: ids without a secure context, URLs, defaults, a bundle that brings nothing along.

import { build } from 'esbuild';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../client-sdk/clock.ts';
import { Emitter } from '../../../client-sdk/events.ts';
import { newId, platformRandom } from '../../../client-sdk/ids.ts';
import { type Clock, createClient } from '../../../client-sdk/index.ts';
import { settle } from '../../../client-sdk/options.ts';
import { pending, sleep } from '../../../client-sdk/pending.ts';
import { VirtualClock } from '../../../client-sdk/testing/index.ts';
import { watchWake } from '../../../client-sdk/wake.ts';

const base = { url: 'ws://host', auth: 'token' };

describe('ids', () => {
  test('are UUIDv7 in lower-case text, in the order of time, and differ', () => {
    const ids = Array.from({ length: 500 }, (_, i) => newId(1_700_000_000_000 + i, platformRandom));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(Array.from({ length: 5_000 }, () => newId(0, platformRandom))).size).toBe(5_000);
  });

  test('need no crypto', () => {
    vi.stubGlobal('crypto', undefined);
    try {
      expect(newId(Date.now(), platformRandom)).toHaveLength(36);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('options', () => {
  test.each([
    ['ws://host:3001', 'ws://host:3001', 'mine'],
    ['https://host/app', 'wss://host/app', 'mine'],
    ['http://host/agent', 'ws://host/agent', 'none'],
    ['wss://host/admin', 'wss://host/admin', 'none'],
    ['wss://host/agents', 'wss://host/agents', 'mine'],
  ])('%s', (url, expected, autoJoin) => {
    expect(settle({ ...base, url })).toMatchObject({ url: expected, autoJoin });
  });

  test('a path is taken from the page', () => {
    vi.stubGlobal('location', { href: 'https://shop.example/cart' });
    try {
      expect(settle({ ...base, url: '/app' }).url).toBe('wss://shop.example/app');
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test.each(['', 'host:3001', 'ftp://host'])('%j is no URL for it', (url) => {
    expect(() => createClient({ ...base, url })).toThrow(TypeError);
  });

  test('a platform without WebSocket is told what to do', () => {
    vi.stubGlobal('WebSocket', undefined);
    try {
      expect(() => createClient(base)).toThrow('pass one as the option WebSocket');
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('events', () => {
  test('a listener added twice is called twice, and taken away once', () => {
    const emitter = new Emitter<{ x: number }>({ report: () => {} });
    const seen: number[] = [];
    const listener = (x: number) => void seen.push(x);
    const off = emitter.on('x', listener);
    emitter.on('x', listener);
    emitter.emit('x', 1);
    off();
    off();
    emitter.emit('x', 2);
    expect(seen).toEqual([1, 1, 2]);
  });

  test('a listener may take itself away while it is called', () => {
    const emitter = new Emitter<{ x: number }>({ report: () => {} });
    const seen: string[] = [];
    const off = emitter.on('x', () => {
      seen.push('first');
      off();
    });
    emitter.on('x', () => seen.push('second'));
    emitter.emit('x', 1);
    emitter.emit('x', 2);
    expect(seen).toEqual(['first', 'second', 'second']);
  });
});

describe('waiting', () => {
  test('ends once, by whoever is first, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const ends: string[] = [];
    const stop = new AbortController();
    const timeoutMs = 50;
    const first = pending<number>(clock, { signals: [stop.signal], timeoutMs, onEnd: () => ends.push('first') });
    const second = pending<number>(clock, { signals: [stop.signal], timeoutMs, onEnd: () => ends.push('second') });
    first.resolve(7);
    first.reject(new Error('too late'));
    stop.abort(new Error('stopped'));
    expect(await first.promise).toBe(7);
    await expect(second.promise).rejects.toThrow('stopped');
    expect([...new Set(ends)]).toEqual(['first', 'second']);
    expect(clock.waiting).toBe(0);
    await expect(pending(clock, { signals: [stop.signal] }).promise).rejects.toThrow('stopped');
    await sleep(clock, 5, stop.signal);
    expect(clock.waiting).toBe(0);
    const third = expect(pending(clock, { timeoutMs }).promise).rejects.toThrow('it: no answer within 50 ms');
    await clock.advance(50);
    await third;
  });
});

test('a signal without a reason, as React Native has them, still ends a wait with an error', async () => {
  const stop = new AbortController();
  const signal = new Proxy(stop.signal, {
    get: (target, key) => {
      if (key === 'reason') return undefined;
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const waiting = expect(pending(new VirtualClock(), { signals: [signal] }).promise).rejects.toMatchObject({
    code: 'DISCONNECTED',
    message: 'aborted',
  });
  stop.abort();
  await waiting;
  await expect(createClient(base).call('any', {}, { signal })).rejects.toMatchObject({ code: 'DISCONNECTED' });
});

test('a wait that is longer than a timer can be does not end at once', () => {
  vi.useFakeTimers();
  try {
    const ended = vi.fn();
    systemClock.setTimeout(ended, 2 ** 31);
    systemClock.setTimeout(ended, Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(86_400_000);
    expect(ended).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

describe('the page', () => {
  test('that becomes visible or gets its network back is a reason to look; a hidden one is not', () => {
    const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
    const page = Object.assign(new EventTarget(), { document });
    let woken = 0;
    const clock = new VirtualClock();
    const stop = new AbortController();
    void watchWake(() => woken++, clock, stop.signal, page);
    document.dispatchEvent(new Event('visibilitychange'));
    expect(woken).toBe(0);
    document.visibilityState = 'visible';
    const tell = () => {
      document.dispatchEvent(new Event('visibilitychange'));
      for (const type of ['online', 'offline', 'pageshow']) page.dispatchEvent(new Event(type));
    };
    tell();
    expect(woken).toBe(4);
    stop.abort();
    tell();
    expect(woken).toBe(4);
    expect(clock.waiting).toBe(0);
  });

  test('whose clock jumped, either way; not one that merely lives on', async () => {
    const clock = new VirtualClock();
    let woken = 0;
    let setBackMs = 0;
    const movable: Clock = {
      now: () => clock.now() - setBackMs,
      setTimeout: (task, delayMs) => clock.setTimeout(task, delayMs),
      clearTimeout: (timer) => clock.clearTimeout(timer),
    };
    const stop = new AbortController();
    void watchWake(() => woken++, movable, stop.signal, {});
    await clock.advance(600_000);
    expect(woken).toBe(0);
    clock.sleep(60_000);
    await clock.advance(1);
    expect(woken).toBe(1);
    setBackMs = 500_000;
    await clock.advance(5_000);
    expect(woken).toBe(2);
    stop.abort();
    await clock.advance(60_000);
    expect([woken, clock.waiting]).toEqual([2, 0]);
  });
});

describe('the bundle', () => {
  test('brings no dependency, no Node module and no eval', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: ['client-sdk/index.ts'],
      bundle: true,
      format: 'esm',
      write: false,
      metafile: true,
    });
    const foreign = Object.keys(metafile.inputs).filter((file) => !/^(client-sdk|client-sdk\/store|protocol)\/[a-z-]+\.ts$/.test(file));
    expect(foreign).toEqual([]);
    expect(outputFiles[0]?.text).not.toMatch(/\beval\(|new Function|require\(|from ["']|TextDecoder|TextEncoder|randomUUID/);
  });

  test('uses nothing that older engines, React Native or plain http pages lack', async () => {
    const { outputFiles } = await build({ entryPoints: ['client-sdk/index.ts'], bundle: true, format: 'esm', write: false });
    expect(outputFiles[0]?.text).not.toMatch(
      /throwIfAborted|withResolvers|AbortSignal\.(any|timeout)|structuredClone|crypto\.subtle|navigator\.|localStorage|\.(with|toSorted|toSpliced|toWellFormed|isWellFormed)\(/,
    );
  });
});
