// One person of the demo: a client of the SDK, one conversation, and the view of it. This is all that an application has
// to write; order, retries, receipts and catching up are the SDK's.

import { type ConversationHandle, createClient, type ViewEntry } from '../../../client-sdk/index.ts';
import type { Attention } from './attention.ts';
import { Cable } from './cable.ts';
import type { HalfView, Person } from './half-view.ts';
import type { Line } from './line.ts';
import { stateWords, systemWords, typingWords } from './wording.ts';

export interface HalfOptions {
  person: Person;
  conversationId: string;
  /** The WebSocket URL of the server. */
  url: string;
  /** Fetches a token for the person. */
  token: () => Promise<string>;
  view: HalfView;
  attention: Attention;
  /** Called with the number of unread messages when it may have changed. */
  onUnread(count: number): void;
}

/** Connects the person and keeps the view up to date from then on. */
export function openHalf({ person, conversationId, url, token, view, attention, onUnread }: HalfOptions): void {
  const cable = new Cable();
  const client = createClient({ url, auth: token, WebSocket: cable.WebSocket, agent: 'demo page' });
  const conversation = client.conversation(conversationId);
  const read = readWhenSeen(conversation, () => (attention.has(view.element) ? view.log.visibleSeq() : undefined));

  const show = () => {
    view.showLines(conversation.entries.map((entry) => lineOf(entry, conversation, person)));
    read();
    view.showUnread(conversation.unreadCount);
    onUnread(conversation.unreadCount);
  };
  conversation.on('change', afterwards(show));
  conversation.on('typing', () => view.showTyping(typingWords(conversation.typing.users.map((id) => nameOf(id, conversation)))));
  client.on('state', (state) => view.showState(state.name, stateWords[state.name], 'reason' in state ? state.reason : ''));
  attention.watch(view.element, read);
  view.log.onMoved = read;
  view.log.onOlder = olderPages(conversation, view);

  view.onSend = (text) => conversation.send(text);
  view.onWriting = (writing) => (writing ? conversation.typing.start() : conversation.typing.stop());
  // The state tells how it goes.
  const connect = () => client.connect().catch(() => {});
  view.onCable = () => {
    if (cable.isCut) cable.mend();
    else cable.cut();
    view.showCut(cable.isCut);
    if (!cable.isCut) void connect();
  };

  void connect();
  conversation.join().catch((error: Error) => view.showState('closed', 'Refused', error.message));
}

function lineOf(entry: ViewEntry, conversation: ConversationHandle, person: Person): Line {
  const mine = entry.sender === person.id || entry.sender === '';
  const system = entry.type === 'system';
  return {
    key: `${mine ? person.id : entry.sender}/${entry.messageId}`,
    seq: entry.seq,
    side: system ? 'system' : mine ? 'mine' : 'theirs',
    sender: mine ? person.name : nameOf(entry.sender, conversation),
    text: system ? systemWords(entry) : (entry.text ?? entry.type),
    at: entry.createdAt,
    mark: mine && !system ? conversation.tick(entry) : undefined,
  };
}

function nameOf(userId: string, conversation: ConversationHandle): string {
  return conversation.members.find((member) => member.userId === userId)?.name ?? userId;
}

/** Marks what somebody has seen as read. Reading changes the view again, so the same seq is not read twice. */
function readWhenSeen(conversation: ConversationHandle, seen: () => number | undefined): () => void {
  let highest = 0;
  return () => {
    const seq = conversation.unreadCount > 0 ? seen() : undefined;
    if (seq === undefined || seq <= highest) return;
    highest = seq;
    void conversation.read(seq);
  };
}

/** Loads one older page at a time until the first entry is there. */
function olderPages(conversation: ConversationHandle, view: HalfView): () => void {
  let busy = false;
  let complete = false;
  return async () => {
    const first = conversation.entries[0];
    if (busy || complete || first === undefined) return;
    busy = true;
    try {
      complete = first.seq === 1 || !(await conversation.history()).more;
      view.log.showStart(complete ? 'The beginning of this conversation' : '');
    } catch {
      // Tried again when the reader comes here again.
      view.log.showStart('Older messages cannot be loaded now');
    } finally {
      busy = false;
    }
  };
}

/** Runs a task once after any number of calls in the same turn. */
function afterwards(task: () => void): () => void {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    queueMicrotask(() => {
      planned = false;
      task();
    });
  };
}
