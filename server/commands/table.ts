// Every route this server has: op number to built-in command, name to application command. Schemas are compiled at start.

import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { type CommandName, commandOps, type Path } from '../../protocol/index.ts';
import { StartError } from '../errors.ts';
import { admitSession, refreshToken } from './auth.ts';
import { changeMembers } from './change-members.ts';
import { createConversation } from './create-conversation.ts';
import { activateUser, expelUser } from './expel-user.ts';
import { checkGuards } from './guards.ts';
import { joinConversation, leaveConversation } from './join-conversation.ts';
import { joinRoom, leaveRoom } from './join-room.ts';
import { listConversations } from './list-conversations.ts';
import { listRoom } from './list-room.ts';
import { markDelivered, markRead } from './mark-watermarks.ts';
import { ping } from './ping.ts';
import { publishUpdate } from './publish-update.ts';
import { readHistory } from './read-history.ts';
import type { Route } from './route.ts';
import { sendMessage } from './send-message.ts';
import type { Services } from './services.ts';
import { setPresence } from './set-presence.ts';
import { startTyping, stopTyping } from './show-typing.ts';
import { subscribePresence } from './subscribe-presence.ts';
import { syncState } from './sync-state.ts';

export interface CompiledRoute extends Route {
  /** Why an input breaks the schema, or undefined. */
  fault(input: unknown): string | undefined;
}

export interface RouteTable {
  /** What handlers work with. */
  services: Services;
  byOp: ReadonlyMap<number, CompiledRoute>;
  /** Application commands, reached through `call`. */
  byName: ReadonlyMap<string, CompiledRoute>;
}

const builtIn = [
  admitSession,
  refreshToken,
  ping,
  sendMessage,
  joinConversation,
  leaveConversation,
  createConversation,
  changeMembers,
  listConversations,
  readHistory,
  markRead,
  markDelivered,
  startTyping,
  stopTyping,
  syncState,
  setPresence,
  subscribePresence,
  joinRoom,
  leaveRoom,
  listRoom,
  publishUpdate,
  expelUser,
  activateUser,
];

/**
 * Compiles the built-in commands and the application's.
 * @throws StartError for a name used twice or reserved, and for a guard of a command that asks none.
 */
export function routeTable(services: Services, application: readonly Route[]): RouteTable {
  checkGuards(services.guards ?? {});
  const byOp = new Map<number, CompiledRoute>();
  for (const make of builtIn) {
    const route = make(services);
    byOp.set(commandOps[route.name as CommandName], compiled(route));
  }
  const byName = new Map<string, CompiledRoute>();
  for (const route of application) {
    if (Object.hasOwn(commandOps, route.name)) throw new StartError(`route "${route.name}" has the name of a built-in command`);
    if (byName.has(route.name)) throw new StartError(`route "${route.name}" is defined twice`);
    byName.set(route.name, compiled(route));
  }
  return { services, byOp, byName };
}

function compiled(route: Route): CompiledRoute {
  const validator = Compile(route.input as TSchema);
  return {
    ...route,
    fault(input) {
      if (validator.Check(input)) return undefined;
      const [first] = validator.Errors(input);
      return first ? `${first.instancePath || 'body'} ${first.message}` : 'the body breaks the schema';
    },
  };
}

/** Whether a path offers a route: its own, and everything of /app. */
export function offers(path: Path, route: Route): boolean {
  return route.paths === undefined || route.paths.includes(path);
}
