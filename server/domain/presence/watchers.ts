// Which sessions of this node want to hear of which users. Each watched user has topics of its own, because a user's own topic
// carries what is for that user only; a push goes to a topic only while somebody here has subscribed to it.

import { encodePush } from '../../../protocol/codec.ts';
import type { Presence } from '../../../protocol/index.ts';
import type { Key } from '../../store/store.ts';
import { presenceTopic, type Topics } from '../topics.ts';
import type { PresentSession } from './own-users.ts';

/** A user to hear of, with the e-mail or without. */
export interface Watched {
  key: Key;
  id: string;
  withEmail: boolean;
}

export class Watchers {
  readonly #topics: Topics;
  readonly #sessions = new Map<string, Set<PresentSession>>();
  /** By session and topic. */
  readonly #watched = new Map<PresentSession, ReadonlyMap<string, Watched>>();

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  /** Replaces what a session hears of. What is in both sets is not interrupted. */
  replace(session: PresentSession, watched: readonly Watched[]): void {
    const wanted = new Map(watched.map((one) => [presenceTopic(one.key, one.withEmail), one]));
    const old = this.#watched.get(session) ?? none;
    for (const topic of old.keys()) if (!wanted.has(topic)) this.#unsubscribe(session, topic);
    for (const topic of wanted.keys()) if (!old.has(topic)) this.#subscribe(session, topic);
    if (wanted.size > 0) this.#watched.set(session, wanted);
    else this.#watched.delete(session);
  }

  leave(session: PresentSession): void {
    if (this.#watched.has(session)) this.replace(session, []);
  }

  /** Whom a session hears of. */
  of(session: PresentSession): Watched[] {
    return [...(this.#watched.get(session)?.values() ?? [])];
  }

  /** Sessions that hear of a user without the e-mail. */
  watching(key: Key): Iterable<PresentSession> {
    return this.#sessions.get(presenceTopic(key, false)) ?? [];
  }

  tell(key: Key, presence: Presence): void {
    const { email, ...withoutEmail } = presence;
    const plain = presenceTopic(key, false);
    const full = presenceTopic(key, true);
    if (this.#sessions.has(plain)) this.#topics.publish(plain, encodePush('presence:update', withoutEmail));
    if (this.#sessions.has(full)) this.#topics.publish(full, encodePush('presence:update', { ...withoutEmail, email }));
  }

  stats(): { watchedTopics: number; watchers: number } {
    return { watchedTopics: this.#sessions.size, watchers: this.#watched.size };
  }

  #subscribe(session: PresentSession, topic: string): void {
    const sessions = this.#sessions.get(topic);
    if (sessions) sessions.add(session);
    else this.#sessions.set(topic, new Set([session]));
    session.subscribe(topic);
  }

  #unsubscribe(session: PresentSession, topic: string): void {
    const sessions = this.#sessions.get(topic);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#sessions.delete(topic);
    session.unsubscribe(topic);
  }
}

const none: ReadonlyMap<string, Watched> = new Map();
