// What every store of the client SDK keeps to, wherever its values lie.

import { describe, expect, test } from 'vitest';
import type { ClientStore } from '../../client-sdk/store/store.ts';

/** One place for values, and processes that use it. */
export interface StorePlace {
  /** A store of a process of its own, over the same place. */
  open(): Promise<ClientStore>;
  /** Ends the process of a store without a word. */
  kill(store: ClientStore): Promise<void>;
}

export function clientStoreSuite(name: string, place: () => StorePlace, { locks }: { locks: boolean }): void {
  describe(name, () => {
    let count = 0;
    /** Keys of each test are its own. */
    const fresh = () => `t${++count}|`;
    const never = new AbortController().signal;

    test('gives back what it was given, as a copy', async () => {
      const [store, key] = [await place().open(), `${fresh()}k`];
      const value = { text: 'añ€😀\u0000', list: [1, -0.5, null, true], nested: { a: {} }, large: 2 ** 53 - 1 };
      await store.set(key, value);
      const kept = await store.get(key);
      expect(kept).toEqual(value);
      value.list.push(2);
      expect(await store.get(key)).toEqual(kept);
      await store.set(key, 'another');
      expect(await store.get(key)).toBe('another');
    });

    test('knows nothing of other keys, and forgets', async () => {
      const [store, key] = [await place().open(), `${fresh()}k`];
      expect(await store.get(key)).toBeUndefined();
      await store.delete(key);
      await store.set(key, 1);
      await store.delete(key);
      expect(await store.get(key)).toBeUndefined();
      expect(await store.list(key)).toEqual([]);
    });

    test('lists what begins with a prefix, ordered by key', async () => {
      const [store, prefix] = [await place().open(), fresh()];
      const keys = ['b', 'a', 'a|2', 'a|10', 'ä', 'z', 'Z', '😀'];
      for (const key of keys) await store.set(prefix + key, key);
      await store.set(`${prefix.slice(0, -1)}}`, 'not this');
      const sorted = keys.toSorted().map((key) => [prefix + key, key]);
      expect(await store.list(prefix)).toEqual(sorted);
      expect((await store.list(`${prefix}a|`)).map(([, value]) => value)).toEqual(['a|10', 'a|2']);
    });

    test('what one process has set another one reads, also after the first is gone', async () => {
      const [one, key] = [await place().open(), `${fresh()}k`];
      await one.set(key, { a: 1 });
      expect(await (await place().open()).get(key)).toEqual({ a: 1 });
      await place().kill(one);
      expect(await (await place().open()).get(key)).toEqual({ a: 1 });
    });

    describe.runIf(locks)('its lock', () => {
      test('is held by one at a time, and given on when the work ends or fails', async () => {
        const [one, two, name] = [await place().open(), await place().open(), fresh()];
        const order: string[] = [];
        const gate = Promise.withResolvers<void>();
        const begun = Promise.withResolvers<void>();
        const first = one.lock!(
          name,
          async () => {
            order.push('one begins');
            begun.resolve();
            await gate.promise;
            order.push('one ends');
            throw new Error('failed');
          },
          never,
        );
        await begun.promise;
        const second = two.lock!(name, async () => order.push('two'), never);
        expect(await two.lock!(`${name}other`, async () => 'free', never)).toBe('free');
        gate.resolve();
        await expect(first).rejects.toThrow('failed');
        await second;
        expect(order).toEqual(['one begins', 'one ends', 'two']);
      });

      test('stops waiting with its signal', async () => {
        const [one, two, name] = [await place().open(), await place().open(), fresh()];
        const gate = Promise.withResolvers<void>();
        const begun = Promise.withResolvers<void>();
        const first = one.lock!(
          name,
          () => {
            begun.resolve();
            return gate.promise;
          },
          never,
        );
        await begun.promise;
        const stop = new AbortController();
        let worked = false;
        const second = two.lock!(
          name,
          async () => {
            worked = true;
          },
          stop.signal,
        );
        stop.abort(new Error('enough'));
        await expect(second).rejects.toThrow();
        gate.resolve();
        await first;
        expect(worked).toBe(false);
      });

      test('is free when its holder is gone', async () => {
        const [one, two, name] = [await place().open(), await place().open(), fresh()];
        const begun = Promise.withResolvers<void>();
        one.lock!(
          name,
          () => {
            begun.resolve();
            return new Promise(() => {});
          },
          never,
        ).catch(() => {});
        await begun.promise;
        const second = two.lock!(name, async () => 'mine now', never);
        await place().kill(one);
        expect(await second).toBe('mine now');
      });
    });
  });
}
