// The mind of the demo's bot: answers what customers write, each message exactly once whatever happens to its network or its
// page, and keeps silent where an agent has the conversation. What it has dealt with it marks as read; there it goes on.

import type { Clock, ConversationHandle, Entry, SentMessage, UTalkError } from '../../../../client-sdk/index.ts';
import { sleep } from '../../../../client-sdk/pending.ts';
import { replyTo } from './bot-replies.ts';

export interface BotOptions {
  conversation: ConversationHandle;
  /** The bot's user id. */
  userId: string;
  clock: Clock;
  /** Called with every answer, for the ledger. */
  onSent?(message: SentMessage): void;
  /** Called with what has stopped it; it begins again some seconds later. */
  onError?: ((error: unknown) => void) | undefined;
}

/** How long it seems to think about a message behind which nothing waits. */
const thinkMs = 600;
/** Before it begins again when something has stopped it. */
const retryMs = 5_000;

/**
 * Lets the bot think and answer from now on. Joins the conversation.
 * @returns a function that ends it
 */
export function startBot(options: BotOptions): () => void {
  const stopping = new AbortController();
  const bot = new Bot(options, stopping.signal);
  void bot.run();
  return () => stopping.abort();
}

class Bot {
  readonly #options: BotOptions;
  readonly #signal: AbortSignal;

  constructor(options: BotOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Until it is stopped: whatever ends its reading, it begins anew where it has dealt with everything. */
  async run(): Promise<void> {
    const { conversation, onError } = this.#options;
    while (!this.#signal.aborted) {
      const again = new AbortController();
      const end = conversation.on('reset', () => again.abort());
      try {
        await this.#follow(AbortSignal.any([this.#signal, again.signal]));
      } catch (error) {
        onError?.(error);
      }
      end();
      if (!again.signal.aborted) await this.#pause(retryMs);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { conversation, userId } = this.#options;
    await conversation.join({ signal });
    const { readSeq = 0 } = conversation.members.find((member) => member.userId === userId) ?? {};
    for await (const entry of conversation.messages({ afterSeq: readSeq, signal })) {
      if (this.#concerns(entry)) await this.#answer(entry);
      // In a log that began anew the seq is another message's.
      if (signal.aborted) return;
      // Not before the answer is stored: who begins anew here would pass over it.
      conversation.read(entry.seq).catch(() => {});
    }
  }

  #concerns({ senderRole, type }: Entry): boolean {
    return senderRole === 'customer' && type !== 'system';
  }

  /** Resolves when the answer is stored, or there is none to give. */
  async #answer(entry: Entry): Promise<void> {
    const { conversation } = this.#options;
    while (this.#mayAnswer && !this.#signal.aborted && !this.#hasAnswered(entry)) {
      // Of the moment it begins to think: if the conversation goes to somebody else meanwhile, the server refuses the answer.
      const ownerEpoch = conversation.state?.ownerEpoch;
      await this.#think(entry);
      if (this.#signal.aborted || (await this.#send(entry, ownerEpoch))) return;
    }
  }

  get #mayAnswer(): boolean {
    const { state } = this.#options.conversation;
    return state?.botEnabled === true && state.assignedAgent === undefined;
  }

  /** Also one that an earlier page load has left on its way. */
  #hasAnswered({ id }: Entry): boolean {
    const { conversation, userId } = this.#options;
    const answer = conversation.entries.findLast(({ messageId, sender }) => messageId === id && sender === userId);
    return answer !== undefined && answer.status !== 'failed';
  }

  async #think({ seq }: Entry): Promise<void> {
    const { conversation } = this.#options;
    if (conversation.position > seq) return;
    conversation.typing.start();
    await this.#pause(thinkMs);
    conversation.typing.stop();
  }

  /** Shorter when it is stopped. */
  #pause(ms: number): Promise<void> {
    return sleep(this.#options.clock, ms, this.#signal);
  }

  /** @returns false when the conversation has changed hands, so that it must be decided anew */
  async #send(entry: Entry, ownerEpoch: number | undefined): Promise<boolean> {
    const { conversation, onSent } = this.#options;
    const name = conversation.members.find(({ userId }) => userId === entry.sender)?.name ?? entry.sender;
    // Named by what it answers: however often it is sent, also by a bot that has forgotten it, it is stored once.
    const messageId = entry.id;
    const sent = conversation.send({ text: replyTo(entry, name), ...(ownerEpoch !== undefined && { ownerEpoch }) }, { messageId });
    onSent?.(sent);
    try {
      await sent.acked;
      return true;
    } catch (error) {
      const { code } = error as UTalkError;
      const decideAnew = code === 'OWNERSHIP_CHANGED';
      // ID_REUSED: it was answered in other words. Any other failure stays in the view for all to see.
      if (decideAnew || code === 'ID_REUSED') conversation.cancel(messageId);
      return !decideAnew;
    }
  }
}
