// All conversations this client knows, and the list as the server has it.

import type { CommandInput, CommandOutput, JoinResult, PushBody } from '../protocol/bodies/index.ts';
import type { ConversationChange, ConversationsHandle } from './api.ts';
import * as bounds from './bounds.ts';
import { LiveConversation } from './conversation.ts';
import type { ConversationHandle } from './conversation-api.ts';
import type { Core } from './core.ts';
import { DisconnectedError, UTalkError } from './errors.ts';
import { Emitter } from './events.ts';
import { newId } from './ids.ts';
import type { CallOptions } from './requests.ts';
import type { TrackedConversation } from './tracked-conversation.ts';

export class Conversations extends Emitter<{ change: ConversationChange }, Core> implements ConversationsHandle {
  /** Those that somebody asked for, or that the server told of. */
  readonly byId = new Map<string, LiveConversation>();

  get(id: string): LiveConversation {
    const conversation = this.byId.get(id) ?? new LiveConversation(id, this.core);
    this.byId.set(id, conversation);
    return conversation;
  }

  wanted(): LiveConversation[] {
    return [...this.byId.values()].filter(({ intent }) => intent === 'join');
  }

  list(query: CommandInput<'conversation:list'> = {}, options?: CallOptions): Promise<CommandOutput<'conversation:list'>> {
    return this.core.request('conversation:list', query, options);
  }

  async create(
    input: Omit<CommandInput<'conversation:create'>, 'channel'> & { channel?: string },
    options?: CallOptions,
  ): Promise<ConversationHandle> {
    const { clock, random } = this.core.settings;
    const body = { ...input, channel: input.channel ?? 'web', id: input.id ?? newId(clock.now(), random) };
    const { conversation, created } = await this.#create(body, options, bounds.maxCreateTries);
    const handle = this.get(conversation.id);
    handle.setState(conversation);
    await handle.join({ afterSeq: created ? 0 : undefined, signal: options?.signal });
    return handle;
  }

  /** A conversation that the server says is this user's now. */
  appeared({ conversation, head }: PushBody<'conversation:new'>): void {
    const { id } = conversation;
    if (this.core.settings.autoJoin === 'mine') {
      const known = this.get(id);
      known.setState(conversation);
      known.want({ announceAfter: head, ...this.core.sync.openingOf(conversation.createdAt) });
    }
    this.emit('change', { conversationId: id, conversation, head });
  }

  /** News of a conversation, joined or not. What a joined one knows itself is not taken from here. */
  updated({ conversation, head, unreadCount, lastMessage }: PushBody<'conversation:updated'>): void {
    const known = this.byId.get(conversation.id);
    known?.setState(conversation);
    if (!known?.joined) this.emit('change', { conversationId: conversation.id, conversation, head, unreadCount, lastMessage });
  }

  /** What the server says of one that is joined now, unless that connection is gone already. */
  applyJoin(result: JoinResult): void {
    const { id, createdAt } = result.conversation;
    const conversation = this.get(id);
    if (this.core.flight?.aborted) return;
    if (conversation.intent === 'leave') return void conversation.leave();
    conversation.adopt(this.core.sync.openingOf(createdAt));
    conversation.applyJoin(result);
  }

  /** Not visible, or the session has no room for it. One that was left while the server read it is asked for again. */
  refused(id: string, code: string): void {
    if (code !== 'UNAVAILABLE') this.byId.get(id)?.gone(new UTalkError(code, `${id}: ${code}`));
  }

  /** The store was restored or replaced. Positions that carry no id may be of another log: those views begin anew. */
  otherLogs(): void {
    for (const conversation of this.wanted()) {
      if (conversation.log.isVerifiable) continue;
      conversation.log.reset();
      conversation.rejoin();
    }
  }

  /** What the list shows of a joined conversation looks different. */
  looked({ id, joined, log, reading, state }: TrackedConversation): void {
    if (!joined) return;
    const lastMessage = log.run.findLast(({ type }) => type !== 'system');
    this.emit('change', { conversationId: id, conversation: state, head: log.head, unreadCount: reading.unreadCount, lastMessage });
  }

  /** The id is the client's, so a create whose reply was lost may simply be asked again. */
  async #create(
    body: CommandInput<'conversation:create'>,
    options: CallOptions | undefined,
    tries: number,
  ): Promise<CommandOutput<'conversation:create'>> {
    try {
      return await this.core.request('conversation:create', body, options);
    } catch (error) {
      if (!(error instanceof DisconnectedError) || tries === 1) throw error;
      return this.#create(body, options, tries - 1);
    }
  }
}
