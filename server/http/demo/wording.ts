// How the page says times, states and system entries.

import type { Entry, StateName } from '../../../client-sdk/index.ts';
import type { Mark } from './line.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayMs = 86_400_000;

export const markWords: Readonly<Record<Mark, string>> = {
  queued: 'Waiting to be sent',
  sending: 'On its way',
  sent: 'Stored by the server',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Not sent',
};

export const stateWords: Readonly<Record<StateName, string>> = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  syncing: 'Catching up…',
  live: 'Live',
  offline: 'Offline',
  authRequired: 'Signed out',
  closed: 'Closed',
};

export function timeWords(at: number): string {
  return clock.format(at);
}

/** `Today`, `Yesterday`, or the date. */
export function dayWords(at: number, now: number): string {
  const day = new Date(at).toDateString();
  if (day === new Date(now).toDateString()) return 'Today';
  if (day === new Date(now - dayMs).toDateString()) return 'Yesterday';
  return calendar.format(at);
}

export function typingWords(names: readonly string[]): string {
  if (names.length === 0) return '';
  return `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} writing…`;
}

/** A system entry in words; of an event this page does not know, its name. */
export function systemWords({ metadata = {} }: Pick<Entry, 'metadata'>): string {
  const event = String(metadata.event ?? '');
  const users = Array.isArray(metadata.users) ? (metadata.users as { name?: unknown }[]) : [];
  const names = users.map(({ name }) => String(name)).join(', ');
  if (event === 'member:added') return `${names} joined`;
  if (event === 'member:removed') return `${names} left`;
  return event.replaceAll(':', ' ');
}
