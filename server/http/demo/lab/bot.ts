// The mind of the demo's bot: answers what customers write, each message exactly once whatever happens to its network or its
// page, and keeps silent where an agent has the conversation.

import type { Client, Clock, ConversationHandle, SentMessage } from '../../../../client-sdk/index.ts';

export interface BotOptions {
  client: Client;
  conversation: ConversationHandle;
  /** The bot's user id. */
  userId: string;
  clock: Clock;
  /** Called with every answer, for the ledger. */
  onSent?(message: SentMessage): void;
}

/**
 * Lets the bot think and answer from now on. Joins the conversation.
 * @returns a function that ends it
 */
export function startBot(_options: BotOptions): () => void {
  return () => {};
}
