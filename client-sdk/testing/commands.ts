// The commands that the memory server knows. Every other one is answered UNKNOWN_COMMAND.

import type { CommandInput, CommandOutput } from '../../protocol/bodies/index.ts';
import type { CommandName } from '../../protocol/ops.ts';
import { accountCommands } from './account-commands.ts';
import { conversationCommands } from './conversation-commands.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemorySession } from './memory-session.ts';
import { messageCommands } from './message-commands.ts';

/** Each answers with the reply. @throws Refusal */
export type Handlers = {
  [N in CommandName]?: (server: MemoryServer, session: MemorySession, body: CommandInput<N>) => CommandOutput<N>;
};

export const commands: Handlers = { ...accountCommands, ...conversationCommands, ...messageCommands };
