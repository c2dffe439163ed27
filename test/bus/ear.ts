// What one bus has told, in the order it did, and waiting for more of it.

import type { Bus, BusEvent, BusState, NodeChange } from '../../server/bus/index.ts';

export type Told =
  | { what: 'events'; origin: string; events: readonly BusEvent[]; calls: readonly number[] }
  | { what: 'lost'; origin: string | undefined }
  | { what: 'node'; origin: string; change: NodeChange }
  | { what: 'state'; state: BusState };

export class Ear {
  readonly bus: Bus;
  readonly told: Told[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(bus: Bus) {
    this.bus = bus;
    // Frames are views into what was read: they are compared later, so they are copied.
    bus.onEvents = (origin, events, calls) =>
      this.#note({
        what: 'events',
        origin,
        events: events.map((event) => ({ ...event, frame: Buffer.from(event.frame) })),
        calls: [...calls],
      });
    bus.onLost = (origin) => this.#note({ what: 'lost', origin });
    bus.onNode = (origin, change) => this.#note({ what: 'node', origin, change });
    bus.onState = (state) => this.#note({ what: 'state', state });
  }

  get node(): string {
    return this.bus.node;
  }

  /** Events of a node, or of all, in the order they were heard. */
  events(origin?: string): BusEvent[] {
    return this.told.flatMap((told) => (told.what === 'events' && (origin ?? told.origin) === told.origin ? told.events : []));
  }

  calls(origin: string): number[] {
    return this.told.flatMap((told) => (told.what === 'events' && told.origin === origin ? told.calls : []));
  }

  changes(origin: string): NodeChange[] {
    return this.told.flatMap((told) => (told.what === 'node' && told.origin === origin ? [told.change] : []));
  }

  states(): BusState[] {
    return this.told.flatMap((told) => (told.what === 'state' ? [told.state] : []));
  }

  /** Whether a loss was told, of this node or of any. */
  lost(origin?: string): boolean {
    return this.told.some((told) => told.what === 'lost' && (told.origin === undefined || told.origin === origin));
  }

  /** Forgets what was told so far. */
  clear(): void {
    this.told.length = 0;
  }

  /** Resolves as soon as this holds; it is looked at whenever something was told. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #note(told: Told): void {
    this.told.push(told);
    for (const look of this.#watchers) look();
  }
}
