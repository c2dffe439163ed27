// What other nodes have said, brought to the part of this node that it concerns.

import { type BusEvent, busKinds } from './bus/index.ts';
import type { Services } from './commands/services.ts';
import { publishEvent } from './domain/announce.ts';
import { type Control, controlOf } from './domain/controls.ts';
import { outgoingOf } from './domain/log.ts';
import type { Topics } from './domain/topics.ts';
import { endFollowed } from './session/eviction.ts';
import { moveSessions } from './session/visits.ts';
import type { Key } from './store/store.ts';

export class Hearing {
  readonly #services: Services;
  readonly #topics: Topics;

  constructor(services: Services, topics: Topics) {
    this.#services = services;
    this.#topics = topics;
  }

  /** Takes the events of one flush of another node, in order. */
  take(origin: string, events: readonly BusEvent[]): void {
    const { delivery, updates } = this.#services;
    const entries = events.filter(isEntry);
    if (entries.length > 0) delivery.receive(entries.map(outgoingOf));
    for (const event of entries) updates.changed(event.key);
    if (entries.length < events.length) for (const event of events) this.#other(origin, event);
  }

  #other(origin: string, event: BusEvent): void {
    const { kind, key, frame } = event;
    switch (kind) {
      case busKinds.conversation:
      case busKinds.user:
        publishEvent(this.#topics, event);
        return;
      case busKinds.topic:
        this.#services.fanOut.heard(frame);
        return;
      case busKinds.roster:
        this.#services.roster.heard(origin, frame);
        return;
      case busKinds.control: {
        const control = controlOf(event);
        if (control) this.#control(key, control);
        return;
      }
    }
  }

  #control(key: Key, control: Control): void {
    const { evictions, updates, registry, rooms, singleSessions } = this.#services;
    switch (control.type) {
      case 'rights':
        evictions.apply(control.user, control.reason, control.message);
        return;
      case 'session':
        singleSessions.heard(key, control.number);
        return;
      case 'followed':
        endFollowed(registry, key, control.sessionId);
        return;
      case 'room':
        moveSessions(registry, rooms, key, control);
        return;
      case 'created':
        for (const user of control.members) updates.add(key, user);
        // Its first entries may have come in the same flush, when nobody here was known to follow it.
        updates.changed(key);
    }
  }
}

const isEntry = ({ kind }: BusEvent) => kind === busKinds.entry || kind === busKinds.changingEntry;
