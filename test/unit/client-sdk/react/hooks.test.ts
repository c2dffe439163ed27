// What the hooks show, when they render again, and when not.

import { createElement, Fragment } from 'react';
import { expect, test, vi } from 'vitest';
import {
  type ConversationView,
  type TypingView,
  UTalkProvider,
  useConversation,
  usePresence,
  useTyping,
} from '../../../../client-sdk/react/index.ts';
import { strict } from '../../../support/react-root.ts';
import { Page, prepareReact } from './page.ts';

prepareReact();

/** A live client of ana, and a component that keeps every view it was rendered with. */
async function openChat(id = 'talk') {
  const page = new Page();
  page.server.conversation('talk', ['ana', 'luis']);
  const client = page.client('ana');
  const views: ConversationView[] = [];
  const Chat = () => {
    const view = useConversation(id);
    views.push(view);
    return (
      view.error?.code ??
      view.entries
        .map(({ text = '' }) => text)
        .join(' ')
        .trim()
    );
  };
  await page.do(() => client.connect().catch(() => {}));
  await page.show(strict(createElement(UTalkProvider, { client }, createElement(Chat))));
  await page.do();
  return { page, client, views, last: () => views.at(-1) as ConversationView };
}

test('a push renders again; what is read is no longer unread', async () => {
  const { page, last } = await openChat();
  expect(last().joined).toBe(true);
  expect(
    last()
      .members.map(({ userId }) => userId)
      .sort(),
  ).toEqual(['ana', 'luis']);
  await page.do(() => page.server.say('luis', 'talk', 'hello'));
  expect(page.text).toContain('hello');
  expect(last().unreadCount).toBe(1);
  await page.do(() => last().read());
  expect(last().unreadCount).toBe(0);
});

test('a message is pending until it is stored, then in its place', async () => {
  const { page, last } = await openChat();
  const { send } = last();
  page.server.silence('ana');
  await page.do(() => send('first'));
  expect(page.text).toBe('first');
  expect(last().pending.map(({ text }) => text)).toEqual(['first']);
  page.server.cut('ana');
  await page.do();
  await page.do();
  expect(last().pending).toEqual([]);
  expect(page.server.log('talk').filter(({ text }) => text === 'first')).toHaveLength(1);
  expect(last().send).toBe(send);
});

test('nothing is rendered where nothing has changed, nor after the component is gone', async () => {
  const { page, client, views } = await openChat();
  page.server.conversation('other', ['ana', 'luis']);
  const before = views.length;
  await page.do(() => page.server.say('luis', 'other', 'elsewhere'));
  expect(views.length).toBe(before);
  await page.unmount();
  const atEnd = views.length;
  await page.do(() => page.server.say('luis', 'talk', 'too late'));
  expect(views.length).toBe(atEnd);
  expect(client.conversation('talk').entries.at(-1)?.text).toBe('too late');
});

test('a refused join and a lost membership are shown as errors', async () => {
  const refused = await openChat('nowhere');
  expect(refused.page.text).toBe('NOT_FOUND');
  const { page } = await openChat();
  await page.do(() => page.server.changeMembers('talk', { remove: ['ana'] }));
  expect(page.text).toMatch(/^[A-Z_]+$/);
});

test('a client that is closed and connected again shows the conversation again', async () => {
  const { page, client, last } = await openChat();
  await page.do(() => client.close());
  expect(last().joined).toBe(false);
  await page.do(() => client.connect().catch(() => {}));
  expect(last().joined).toBe(true);
  expect(last().error).toBeUndefined();
});

test('typing goes both ways', async () => {
  const { page, client, last } = await openChat();
  const luis = page.client('luis');
  const typists: TypingView[] = [];
  const Typing = () => {
    const typing = useTyping('talk');
    typists.push(typing);
    return typing.users.join();
  };
  const luisPage = new Page(page.server);
  await luisPage.do(() => luis.connect().catch(() => {}));
  await luisPage.show(strict(createElement(UTalkProvider, { client: luis }, createElement(Typing))));
  await page.do(() => client.conversation('talk').typing.start());
  expect(luisPage.text).toBe('ana');
  await page.do(() => typists.at(-1)?.start());
  expect(last().typing).toEqual(['luis']);
  await page.do(() => typists.at(-1)?.stop());
  expect(last().typing).toEqual([]);
});

test('presence: what several components watch is one set, and shrinks with them', async () => {
  const page = new Page();
  page.server.conversation('talk', ['ana', 'luis', 'mia']);
  const client = page.client('ana');
  const luis = page.client('luis');
  const subscribe = vi.spyOn(client.presence, 'subscribe');
  const Dots = ({ users }: { users: string[] }) => [...usePresence(users)].map(([user, { status }]) => `${user}:${status} `).join('');
  const shown = (...sets: string[][]) =>
    strict(createElement(UTalkProvider, { client }, createElement(Fragment, null, ...sets.map((users) => createElement(Dots, { users })))));
  await page.do(() => client.connect().catch(() => {}));
  await page.show(shown(['luis'], ['mia', 'luis']));
  await page.do();
  expect(subscribe.mock.calls.map(([users]) => users.toSorted())).toEqual([['luis', 'mia']]);
  expect(page.text).toBe('luis:offline luis:offline mia:offline ');
  await page.do(() => luis.connect().catch(() => {}));
  expect(page.text).toBe('luis:online luis:online mia:offline ');
  await page.show(shown(['luis']));
  expect(subscribe.mock.lastCall?.[0]).toEqual(['luis']);
});

test('a component that is gone and comes back shows the conversation at once, without asking again', async () => {
  const page = new Page();
  page.server.conversation('talk', ['ana', 'luis']);
  page.server.say('luis', 'talk', 'hello');
  const client = page.client('ana');
  let rendered: string[] = [];
  const Chat = () => {
    const text = useConversation('talk')
      .entries.map((entry) => entry.text ?? '')
      .join('');
    rendered.push(text);
    return text;
  };
  const shown = (isOpen: boolean) => createElement(UTalkProvider, { client }, isOpen ? createElement(Chat) : 'elsewhere');
  await page.show(shown(true));
  await page.do(() => client.connect().catch(() => {}));
  expect(page.text).toBe('hello');
  const asked = () => page.server.sessions.flatMap(({ commands }) => commands).length;
  const before = asked();
  await page.show(shown(false));
  expect(page.text).toBe('elsewhere');
  rendered = [];
  await page.show(shown(true));
  await page.do();
  expect(new Set(rendered)).toEqual(new Set(['hello']));
  expect(asked()).toBe(before);
});

test('presence watched before the first connection is asked for once with it, and once with every other', async () => {
  const page = new Page();
  page.server.conversation('talk', ['ana', 'luis']);
  const Status = () => usePresence(['luis']).get('luis')?.status ?? 'unknown';
  await page.show(strict(createElement(UTalkProvider, { options: page.server.options('ana') }, createElement(Status))));
  await page.do();
  expect(page.text).toBe('offline');
  expect(page.server.count('presence:subscribe')).toBe(1);
  page.server.cut('ana');
  await page.do();
  await page.do();
  expect(page.server.count('presence:subscribe')).toBe(2);
});
