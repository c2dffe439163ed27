// How the page says times, states, faults and system entries.

import type { ConnectionState, Entry, StateName } from '../../../client-sdk/index.ts';
import type { Mark } from './line.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const stopwatch = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const wholeNumber = new Intl.NumberFormat('en');
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

/** What is broken on purpose, or will be. */
export interface Broken {
  readonly isCut: boolean;
  readonly isAsleep: boolean;
  readonly loseAck: boolean;
  readonly double: boolean;
}

/** So many messages on their way at once are a queue that wants a word. */
const longQueue = 5;

/** Why a client is in its state, or what will happen to it. `now` is the time of its own clock. */
export function whyWords(state: ConnectionState, broken: Broken, unsent: number, now: number): string {
  if (broken.isAsleep) return 'asleep: ten minutes pass';
  if (broken.isCut) return 'the network is cut';
  if (broken.loseAck && broken.double) return 'next message twice, its answer lost';
  if (broken.loseAck) return 'next answer will be lost';
  if (broken.double) return 'next message goes twice';
  if (state.name === 'live') return unsent > longQueue ? 'sends as fast as the server allows' : 'nothing is missing';
  if (state.name === 'offline') return `tries again in ${secondsWords(state.retryAt - now)}: ${state.reason}`;
  if (state.name === 'closed') return state.message;
  return state.name === 'authRequired' ? state.reason : '';
}

export function timeWords(at: number): string {
  return clock.format(at);
}

/** With milliseconds. */
export function instantWords(at: number): string {
  return stopwatch.format(at);
}

/** Milliseconds without their unit, as exact as they matter; a dash where there are none. */
export function millisecondsWords(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms < 9.95 ? ms.toFixed(1) : wholeNumber.format(Math.round(ms));
}

export function countWords(count: number): string {
  return wholeNumber.format(count);
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

function secondsWords(ms: number): string {
  return `${Math.max(0, ms / 1_000).toFixed(1)} s`;
}
