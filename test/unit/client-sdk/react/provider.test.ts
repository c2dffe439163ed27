// How many clients a provider makes, and what becomes of them.

import { Activity, createElement, Suspense, use } from 'react';
import { renderToString } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../../../client-sdk/index.ts';
import { UTalkProvider, useClient, useConnectionState, useConversation } from '../../../../client-sdk/react/index.ts';
import { persistent } from '../../../../client-sdk/store/index.ts';
import { strict } from '../../../support/react-root.ts';
import { Page, prepareReact } from './page.ts';

prepareReact();

const State = () => useConnectionState().name;
const own = (page: Page) => createElement(UTalkProvider, { options: page.server.options('ana') }, createElement(State));

describe('a client of the provider', () => {
  test('StrictMode: one connection, shown as it comes up', async () => {
    const page = new Page();
    await page.show(strict(own(page)));
    expect(page.text).toBe('connecting');
    await page.do();
    expect(page.text).toBe('live');
    expect(page.server.sessions).toHaveLength(1);
    expect(page.server.count('auth')).toBe(1);
  });

  test('is closed when the provider is unmounted, and does not come back', async () => {
    const page = new Page();
    await page.show(strict(own(page)));
    await page.do();
    await page.unmount();
    expect(page.server.live).toEqual([]);
    await page.server.clock.advance(120_000);
    expect(page.server.count('auth')).toBe(1);
  });

  test('options are read once; another key is another client', async () => {
    const page = new Page();
    const of = (user: string, key: string) =>
      createElement(UTalkProvider, { key, options: page.server.options(user) }, createElement(State));
    await page.show(of('ana', 'a'));
    await page.do();
    await page.show(of('luis', 'a'));
    await page.do();
    expect(page.server.live.map(({ user }) => user?.userId)).toEqual(['ana']);
    await page.show(of('luis', 'b'));
    await page.do();
    expect(page.server.live.map(({ user }) => user?.userId)).toEqual(['luis']);
  });

  test('hidden for long and shown again it connects again', async () => {
    const page = new Page();
    const node = own(page);
    const shown = (mode: 'hidden' | 'visible') => {
      const props = { mode, children: node };
      return strict(createElement(Activity, props));
    };
    await page.show(shown('visible'));
    await page.do();
    await page.show(shown('hidden'));
    await page.do();
    expect(page.server.live).toEqual([]);
    await page.show(shown('visible'));
    await page.do();
    expect(page.text).toBe('live');
    expect(page.server.live).toHaveLength(1);
  });
});

test('rendered on a server it is idle, and connects to nothing', async () => {
  const page = new Page();
  expect(renderToString(own(page))).toBe('idle');
  await page.server.clock.advance(60_000);
  expect(page.server.sessions).toEqual([]);
  expect(page.server.clock.waiting).toBe(0);
});

describe('a client of the application', () => {
  test('is handed down, neither connected nor closed', async () => {
    const page = new Page();
    const client = page.client('ana');
    const Handed = () => String(useClient() === client);
    await page.show(strict(createElement(UTalkProvider, { client }, createElement(Handed))));
    await page.do();
    expect(page.text).toBe('true');
    expect(client.state).toBe('idle');
    await page.server.clock.run(client.connect());
    await page.unmount();
    expect(client.state).toBe('live');
  });

  test('outside of a provider there is none', async () => {
    const page = new Page();
    const Bare = () => useClient().state;
    await expect(page.show(createElement(Bare))).rejects.toThrow('no UTalkProvider above');
  });
});

test('a provider that React throws away, because a component below waits, does not keep messages of an earlier page', async () => {
  const page = new Page();
  page.server.conversation('talk', ['ana', 'luis']);
  const device = page.server.device('ana');
  const user = { tenantId: 'acme', userId: 'ana' };
  const before = device.page();
  page.server.down = true;
  const first = createClient({ ...before.options, store: persistent(before.store), user });
  first.conversation('talk').send('written before the reload');
  await page.do();
  before.crash();
  page.server.down = false;
  const { store, options } = device.page();
  let loaded = () => {};
  const loading = new Promise<void>((resolve) => {
    loaded = resolve;
  });
  const Late = () => {
    use(loading);
    return useConversation('talk')
      .entries.map(({ text, status }) => `${text} ${status}`)
      .join();
  };
  const provider = createElement(UTalkProvider, { options: { ...options, store: persistent(store), user } }, createElement(Late));
  await page.show(strict(createElement(Suspense, { fallback: 'loading' }, provider)));
  await page.do();
  expect(page.text).toBe('loading');
  await page.do(loaded);
  await page.do();
  expect(page.text).toContain('written before the reload sent');
});
