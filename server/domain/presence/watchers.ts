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
  withEmail: boolean;
}

export class Watchers {
  readonly #topics: Topics;
  readonly #counts = new Map<string, number>();
  readonly #subscribed = new Map<PresentSession, Set<string>>();

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  /** Replaces what a session hears of. What is in both sets is not interrupted. */
  replace(session: PresentSession, watched: readonly Watched[]): void {
    const wanted = new Set(watched.map(({ key, withEmail }) => presenceTopic(key, withEmail)));
    const old = this.#subscribed.get(session) ?? none;
    for (const topic of old) if (!wanted.has(topic)) this.#unsubscribe(session, topic);
    for (const topic of wanted) if (!old.has(topic)) this.#subscribe(session, topic);
    if (wanted.size > 0) this.#subscribed.set(session, wanted);
    else this.#subscribed.delete(session);
  }

  leave(session: PresentSession): void {
    if (this.#subscribed.has(session)) this.replace(session, []);
  }

  tell(key: Key, presence: Presence): void {
    const { email, ...withoutEmail } = presence;
    const plain = presenceTopic(key, false);
    const full = presenceTopic(key, true);
    if (this.#counts.has(plain)) this.#topics.publish(plain, encodePush('presence:update', withoutEmail));
    if (this.#counts.has(full)) this.#topics.publish(full, encodePush('presence:update', { ...withoutEmail, email }));
  }

  stats(): { watchedTopics: number; watchers: number } {
    return { watchedTopics: this.#counts.size, watchers: this.#subscribed.size };
  }

  #subscribe(session: PresentSession, topic: string): void {
    this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + 1);
    session.subscribe(topic);
  }

  #unsubscribe(session: PresentSession, topic: string): void {
    const left = (this.#counts.get(topic) ?? 1) - 1;
    if (left > 0) this.#counts.set(topic, left);
    else this.#counts.delete(topic);
    session.unsubscribe(topic);
  }
}

const none: ReadonlySet<string> = new Set();
