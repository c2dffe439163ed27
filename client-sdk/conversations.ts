// All conversations this client knows, and the list as the server has it.

import type { CommandInput, CommandOutput, PushBody } from '../protocol/bodies/index.ts';
import type { ConversationChange, ConversationsHandle } from './api.ts';
import { LiveConversation } from './conversation.ts';
import type { ConversationHandle } from './conversation-api.ts';
import type { Core } from './core.ts';
import { DisconnectedError, UTalkError } from './errors.ts';
import { Emitter } from './events.ts';
import { newId } from './ids.ts';
import type { CallOptions } from './requests.ts';

/** Each one costs a connection that broke. */
const maxCreateTries = 5;

export class Conversations extends Emitter<{ change: ConversationChange }> implements ConversationsHandle {
  readonly #core: Core;
  readonly #byId = new Map<string, LiveConversation>();
  /** What the list was last told of each joined conversation. */
  readonly #shown = new Map<string, ConversationChange>();

  constructor(core: Core) {
    super(core.report);
    this.#core = core;
  }

  get(id: string): LiveConversation {
    let conversation = this.#byId.get(id);
    if (!conversation) {
      conversation = new LiveConversation(id, this.#core);
      this.#byId.set(id, conversation);
      conversation.on('change', (changed) => this.#looked(changed as LiveConversation));
    }
    return conversation;
  }

  /** The conversation, unless nobody asked for it yet. */
  peek(id: string): LiveConversation | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<LiveConversation> {
    return this.#byId.values();
  }

  wanted(): LiveConversation[] {
    return [...this.#byId.values()].filter(({ subscription }) => subscription.isWanted);
  }

  list(query: CommandInput<'conversation:list'> = {}, options?: CallOptions): Promise<CommandOutput<'conversation:list'>> {
    return this.#core.request('conversation:list', query, options);
  }

  async create(
    input: Omit<CommandInput<'conversation:create'>, 'channel'> & { channel?: string },
    options?: CallOptions,
  ): Promise<ConversationHandle> {
    const { clock, random } = this.#core.settings;
    const body = { ...input, channel: input.channel ?? 'web', id: input.id ?? newId(clock.now(), random) };
    const reply = await this.#repeat(() => this.#core.request('conversation:create', body, options));
    const conversation = this.get(reply.conversation.id);
    conversation.setState(reply.conversation);
    await conversation.join({ afterSeq: reply.created ? 0 : undefined, signal: options?.signal });
    return conversation;
  }

  /** A conversation that the server says is this user's now. */
  appeared({ conversation, head }: PushBody<'conversation:new'>, isNews: boolean): void {
    const { autoJoin } = this.#core.settings;
    if (autoJoin === 'mine') {
      const known = this.get(conversation.id);
      known.setState(conversation);
      if (!known.subscription.isWanted) {
        known.subscription.adopt(isNews ? { afterSeq: 0 } : { announceAfter: head });
        this.#core.joiner.join(known);
      }
    }
    this.emit('change', { conversationId: conversation.id, conversation, head });
  }

  /** News of a conversation, joined or not. What a joined one knows itself is not taken from here. */
  updated({ conversation, head, unreadCount, lastMessage }: PushBody<'conversation:updated'>): void {
    const known = this.peek(conversation.id);
    known?.setState(conversation);
    if (!known?.joined) this.emit('change', { conversationId: conversation.id, conversation, head, unreadCount, lastMessage });
  }

  /** Tells the list when what it shows of a joined conversation looks different. */
  #looked(conversation: LiveConversation): void {
    // Before anything is read: counting the unread walks the view, at every push.
    if (!conversation.joined || !this.hears('change')) return;
    const { id, state, head, unreadCount, log } = conversation;
    const lastMessage = log.view.entries.findLast((entry) => entry.type !== 'system');
    const change = { conversationId: id, conversation: state, head, unreadCount, lastMessage };
    const old = this.#shown.get(id);
    if (old && (Object.keys(change) as (keyof typeof change)[]).every((key) => old[key] === change[key])) return;
    this.#shown.set(id, change);
    this.emit('change', change);
  }

  gone(id: string): void {
    this.peek(id)?.gone(new UTalkError('NOT_FOUND', `${id} is not visible to this user`));
    this.emit('change', { conversationId: id, gone: true });
  }

  /** The id is the client's, so a create whose reply was lost may simply be asked again. */
  async #repeat<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof DisconnectedError) || tries === maxCreateTries) throw error;
      }
    }
  }
}
