// How `call` knows the commands of an application: by the types of the routes that the server defines. Types only; no code of
// a server gets into a client.

import type { CallOptions } from './requests.ts';

/** What a route says of itself to the compiler: a route of `defineRoute`, or any type of this shape. */
export interface CommandTypes {
  /** The name that clients pass to `call`. */
  name: string;
  /** Body and reply; absent in routes whose types were forgotten. Never there at run time. */
  types?: { name: string; input: unknown; output: unknown };
}

/** Never, where a route's types were forgotten. */
type TypesOf<Routes extends readonly CommandTypes[]> = Extract<Routes[number]['types'], { name: string }>;

/** The names that `call` takes: those of the routes, or any where no routes are known. */
export type CallName<Routes extends readonly CommandTypes[]> = [TypesOf<Routes>] extends [never] ? string : TypesOf<Routes>['name'];

type Route<Routes extends readonly CommandTypes[], N extends string> =
  string extends CallName<Routes> ? { input: unknown; output: unknown } : Extract<TypesOf<Routes>, { name: N }>;

/** What follows the name in `call`: the body, which may be left out where the command needs none, and options. */
export type CallArguments<Routes extends readonly CommandTypes[], N extends string> =
  Record<never, never> extends Route<Routes, N>['input']
    ? [body?: Route<Routes, N>['input'], options?: CallOptions]
    : [body: Route<Routes, N>['input'], options?: CallOptions];

/** What `call` resolves with. */
export type CallReply<Routes extends readonly CommandTypes[], N extends string> = Route<Routes, N>['output'];
