// Which cells of the table of rights an application may decide itself (DECISIONS C1 has the defaults). Its guard takes the place
// of the default: it may open what the default closes, and close what it opens.

import type { CommandInput, CommandName } from '../../protocol/index.ts';
import { CommandError, StartError } from '../errors.ts';
import type { Context } from './route.ts';

export type Guard<N extends CommandName> = (context: Context, input: CommandInput<N>) => boolean | Promise<boolean>;

/** Commands that ask a guard. Everything else is decided by membership and role alone. */
export const guarded = ['room:join', 'room:members', 'update:publish'] as const satisfies readonly CommandName[];
export type GuardedCommand = (typeof guarded)[number];

export const isGuarded = (name: CommandName): name is GuardedCommand => (guarded as readonly CommandName[]).includes(name);

/** Guards of an application. Each may also throw CommandError, `ROOM_FULL` for example. */
export type Guards = { [N in GuardedCommand]?: Guard<N> };

/** @throws StartError for a guard of a command that asks none, or that is no function. */
export function checkGuards(guards: Guards): void {
  for (const [name, guard] of Object.entries(guards)) {
    if (!(guarded as readonly string[]).includes(name))
      throw new StartError(`guard ${JSON.stringify(name)}: the commands that ask a guard are ${guarded.join(', ')}`);
    if (typeof guard !== 'function') throw new StartError(`guard ${JSON.stringify(name)} must be a function`);
  }
}

/** A route's guard that asks the application's, or the default where it has none. */
export function ask<N extends GuardedCommand>(guards: Guards | undefined, name: N, otherwise: Guard<N>): Guard<N> {
  const guard = (guards?.[name] as Guard<N> | undefined) ?? otherwise;
  return (context, input) => {
    const allowed = guard(context, input);
    return allowed instanceof Promise ? allowed.then(orRefuse) : orRefuse(allowed);
  };
}

function orRefuse(allowed: boolean): true {
  if (allowed !== true) throw new CommandError('ACCESS_DENIED', 'not allowed');
  return true;
}
