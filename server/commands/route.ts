// What a command is. The built-in commands and those of an application are made by the same function.

import type { Logger } from 'pino';
import type { Static, TSchema } from 'typebox';
import { type Path, paths, type Role, roles } from '../../protocol/index.ts';
import type { Identity } from '../domain/identity.ts';
import { StartError } from '../errors.ts';
import type { Rate } from '../session/rate-limit.ts';
import type { Session } from '../session/session.ts';
import type { SharedState } from '../state/index.ts';
import type { Actions } from './actions.ts';
import type { Sendable } from './sendable.ts';

/** What a handler may use. */
export interface Context {
  readonly identity: Identity;
  readonly session: Session;
  readonly requestId: number;
  /** Number of the command in the order the session sent them. */
  readonly place: number;
  /** Carries path, session id, command and request id. */
  readonly log: Logger;
  /** Aborts when the handler has run for `handlerTimeoutMs`. */
  readonly signal: AbortSignal;
  /** Events to others, rooms of this session. */
  readonly actions: Actions;
  /** Small values that all nodes share; the keys are those of the caller's tenant. */
  readonly state: SharedState;
}

/** With a schema of the reply the handler must fit it; without one its reply is what it returns. */
type Handled<O extends TSchema | undefined, R> = O extends TSchema ? Static<O> | Promise<Static<O>> : R;

export interface RouteDefinition<I extends TSchema, O extends TSchema | undefined, G, N extends string = string, R = unknown> {
  /** A built-in command's name, or the name clients pass to `call`. */
  name: N;
  input: I;
  /** For the compiler: replies are not checked while the server runs. */
  output?: O;
  /** Paths that offer the command; all when absent. `/agent` and `/admin` always offer what `/app` offers. */
  paths?: readonly Path[];
  /** Roles that may use it; all when absent. */
  roles?: readonly Role[];
  /**
   * Decides whether the command may run: throws CommandError, or returns false, to refuse. What it returns is handed to
   * `handle`. With `turn`, guards and handlers of one key begin strictly one after the other.
   */
  guard?: (context: Context, input: Static<I>) => G | Promise<G>;
  /** For application commands: a rate of its own instead of the common one. */
  rateLimit?: Rate;
  /** Commands with the same key keep their order in a session; a conversation id. Undefined: this one waits for nobody. */
  turn?: (input: Static<I>) => string | undefined;
  /**
   * Called synchronously after the guard has settled; what it queues before its first await is queued in turn. Replies with
   * values of JSON: times as numbers, no Date, Map, Set or bigint.
   */
  handle: (context: Context, input: Static<I>, granted: Exclude<Awaited<G>, false>) => Handled<O, R>;
}

/** Nothing more of a handler whose reply can be sent; of another one that it replies `never` in the place of what cannot. */
type RepliesSendable<Reply> = [Reply] extends [Sendable<Reply>] ? unknown : { handle: (...args: never[]) => Sendable<Reply> };

/** A route with its types forgotten, as the table keeps it. */
export interface Route {
  name: string;
  input: TSchema;
  output: TSchema | undefined;
  paths: readonly Path[] | undefined;
  roles: readonly Role[] | undefined;
  rateLimit: Rate | undefined;
  guard: ((context: Context, input: never) => unknown) | undefined;
  turn: ((input: never) => string | undefined) | undefined;
  handle: (context: Context, input: never, granted: never) => unknown;
}

/** A route that clients can take name, body and reply from, by `createClient<typeof routes>` and without its code. */
export interface TypedRoute<N extends string, I, O> extends Route {
  name: N;
  /** For the compiler alone: never there at run time. */
  types?: { name: N; input: I; output: O };
}

const known = new Set(['name', 'input', 'output', 'paths', 'roles', 'guard', 'rateLimit', 'turn', 'handle']);

/**
 * Defines a command with inferred types, which the result keeps for clients.
 * @throws StartError for a definition of an unsupported shape, naming what is wrong.
 */
export function defineRoute<N extends string, I extends TSchema, O extends TSchema | undefined = undefined, G = undefined, R = unknown>(
  definition: RouteDefinition<I, O, G, N, R> & RepliesSendable<Awaited<Handled<O, R>>>,
): TypedRoute<N, Static<I>, Awaited<Handled<O, R>>> {
  const fault = faultOf(definition);
  if (fault) throw new StartError(`route ${JSON.stringify((definition as { name?: unknown })?.name ?? '?')}: ${fault}`);
  const { name, input, output, paths, roles, guard, rateLimit, turn, handle } = definition;
  return { name, input, output, paths, roles, guard, rateLimit, turn, handle } as TypedRoute<N, Static<I>, Awaited<Handled<O, R>>>;
}

function faultOf(definition: unknown): string | undefined {
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) return 'a route is an object made by defineRoute';
  const route = definition as Record<string, unknown>;
  const unknown = Object.keys(route).find((key) => !known.has(key));
  if (unknown) return `unknown property ${unknown}`;
  if (typeof route.name !== 'string' || !/^[a-z][a-zA-Z0-9:._-]{0,63}$/.test(route.name))
    return 'name must match [a-z][a-zA-Z0-9:._-]*, at most 64 characters';
  const input = route.input as { type?: unknown; properties?: unknown } | undefined;
  if (typeof input !== 'object' || input === null || input.type !== 'object' || typeof input.properties !== 'object')
    return 'input must be a Type.Object schema';
  const output = route.output as { type?: unknown } | undefined;
  if (output !== undefined && (typeof output !== 'object' || output === null)) return 'output must be a schema';
  if (typeof route.handle !== 'function') return 'handle must be a function';
  for (const key of ['guard', 'turn']) if (route[key] !== undefined && typeof route[key] !== 'function') return `${key} must be a function`;
  return wordsFault('paths', route.paths, Object.keys(paths)) ?? wordsFault('roles', route.roles, roles) ?? rateFault(route.rateLimit);
}

function wordsFault(key: string, given: unknown, known: readonly string[]): string | undefined {
  if (given === undefined) return undefined;
  const fits = Array.isArray(given) && given.length > 0 && given.every((word) => known.includes(word));
  return fits ? undefined : `${key} must be a list of ${known.join(', ')}`;
}

function rateFault(given: unknown): string | undefined {
  if (given === undefined) return undefined;
  const { limit, windowMs, burst } = (given ?? {}) as Record<string, unknown>;
  const fits =
    [limit, windowMs, burst].every((value) => typeof value === 'number' && Number.isFinite(value) && value > 0) && (burst as number) >= 1;
  return fits ? undefined : 'rateLimit must have limit, windowMs and burst, all positive';
}
