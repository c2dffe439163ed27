// One command under way: the limit that all nodes count, guard, handler, then exactly one outcome.

import { CommandError } from '../errors.ts';
import { isPerson, tooMany } from '../session/rate-limit.ts';
import type { Session } from '../session/session.ts';
import type { OverLimit } from '../state/cluster-limits.ts';
import type { SharedState } from '../state/shared-state.ts';
import { tenantState } from '../state/tenant-state.ts';
import { type Actions, actionsOf } from './actions.ts';
import type { Context } from './route.ts';
import type { Services } from './services.ts';
import type { CompiledRoute } from './table.ts';

/** A command that has passed every gate before its guard. */
export interface Asked {
  session: Session;
  requestId: number;
  place: number;
  route: CompiledRoute;
  input: unknown;
}

/** Called once. */
export type Settle = (outcome: { value: unknown } | { error: unknown }) => void;

export class Execution implements Context {
  readonly session: Session;
  readonly requestId: number;
  readonly place: number;
  readonly #route: CompiledRoute;
  readonly #input: unknown;
  readonly #services: Services;
  #settle: Settle | undefined;
  #abort: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(asked: Asked, services: Services, settle: Settle) {
    this.session = asked.session;
    this.requestId = asked.requestId;
    this.place = asked.place;
    this.#route = asked.route;
    this.#input = asked.input;
    this.#services = services;
    this.#settle = settle;
  }

  /**
   * Asks the cluster's limit and the guard, and starts the handler. The promise, if any, settles when the handler has begun; it
   * never rejects.
   */
  begin(): Promise<void> | undefined {
    return this.#counted()?.then((over) => (over ? this.#end({ error: tooMany(this.#route.name, over) }) : this.#ask())) ?? this.#ask();
  }

  /** Undefined when nobody has to be asked. */
  #counted(): Promise<OverLimit | undefined> | undefined {
    const { clusterLimits } = this.#services;
    const { identity } = this.session;
    return clusterLimits && identity && isPerson(identity.role) ? clusterLimits.take(this.#route.name, identity.key) : undefined;
  }

  #ask(): Promise<void> | undefined {
    if (!this.#settle) return undefined;
    try {
      const granted = this.#route.guard?.(this, this.#input as never);
      if (granted instanceof Promise) {
        return granted.then(
          (value) => this.#handle(value),
          (error) => this.#end({ error }),
        );
      }
      this.#handle(granted);
    } catch (error) {
      this.#end({ error });
    }
    return undefined;
  }

  #handle(granted: unknown): void {
    // A guard that took too long was answered already; the client will ask again.
    if (!this.#settle) return;
    try {
      if (granted === false) throw new CommandError('ACCESS_DENIED', 'the guard refused');
      const outcome = this.#route.handle(this, this.#input as never, granted as never);
      if (outcome instanceof Promise) {
        outcome.then(
          (value) => this.#end({ value }),
          (error) => this.#end({ error }),
        );
      } else this.#end({ value: outcome });
    } catch (error) {
      this.#end({ error });
    }
  }

  /** The first outcome counts; one that comes after the timeout is ignored. */
  #end(outcome: Parameters<Settle>[0]): void {
    const settle = this.#settle;
    if (!settle) return;
    this.#settle = undefined;
    clearTimeout(this.#timer);
    settle(outcome);
  }

  get identity() {
    const { identity } = this.session;
    if (!identity) throw new CommandError('NOT_AUTHENTICATED', 'send auth first');
    return identity;
  }

  get log() {
    return this.session.commandLog(this.#route.name, this.requestId);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  get actions(): Actions {
    return actionsOf(this.#services, this.session, this.identity.tenantId);
  }

  get state(): SharedState {
    return tenantState(this.#services.state, this.identity.tenantId);
  }

  /** Answers for a handler that runs for too long, and aborts its signal. */
  startTimeout(timeoutMs: number): void {
    this.#timer = setTimeout(() => {
      this.#abort?.abort();
      this.#end({ error: new CommandError('UNAVAILABLE', 'the command took too long', { retryAfterMs: 1_000 }) });
    }, timeoutMs).unref();
  }
}
