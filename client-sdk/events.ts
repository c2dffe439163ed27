/// <reference lib="esnext.disposable" preserve="true" />
// Typed events. A listener that throws is reported and harms neither the others nor the SDK.

/** Ends a subscription; a second call is harmless. Also `Disposable`, for `using`, where the platform has Symbol.dispose. */
export interface Unsubscribe extends Disposable {
  (): void;
}

/** What `on` of every object of the SDK looks like. */
export interface EventSource<Events> {
  /** Calls `listener` at every `event` until the returned function is called. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): Unsubscribe;
}

/** To whom it is said that a listener threw. */
export interface Reporter {
  report(event: string, error: unknown): void;
}

export class Emitter<Events, Core extends Reporter = Reporter> implements EventSource<Events> {
  protected readonly core: Core;
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => void>>();

  /** @param core absent for the core itself */
  constructor(core?: Core) {
    this.core = core ?? (this as unknown as Core);
  }

  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): Unsubscribe {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    // A function of its own, so that the same listener added twice is two subscriptions.
    const entry = (payload: never) => listener(payload);
    listeners.add(entry);
    const off = (() => void listeners.delete(entry)) as Unsubscribe;
    if (Symbol.dispose) off[Symbol.dispose] = off;
    return off;
  }

  /** Whether anybody listens. */
  hears(event: keyof Events): boolean {
    return !!this.#listeners.get(event)?.size;
  }

  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(payload as never);
      } catch (error) {
        this.core.report(String(event), error);
      }
    }
  }
}
