// Building blocks of the bodies. A property is a slot: its position in the declaration is its position on the wire, so
// new properties go to the end and none is ever removed.

import { type Static, type TObject, type TProperties, Type } from 'typebox';
import { limits } from '../limits.ts';
import { conversationStatuses, messageTypes, roles } from '../roles.ts';

/** A closed object; `title` names the shape in PROTOCOL.md and in the slot tables. */
export function shape<P extends TProperties>(title: string, properties: P): TObject<P> {
  return Type.Object(properties, { title, additionalProperties: false }) as TObject<P>;
}

/** A closed list of words. */
export function words<const T extends readonly string[]>(list: T, description: string) {
  return Type.Unsafe<T[number]>(Type.Enum([...list], { description }));
}

export const empty = () => shape('Empty', {});

const uuidPattern = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';

export const conversationId = () =>
  Type.String({ pattern: '^[A-Za-z0-9._:@+-]{1,128}$', description: 'Conversation id, 1–128 of A–Z a–z 0–9 . _ : @ + -' });
export const messageId = () =>
  Type.String({
    pattern: uuidPattern,
    description: "The client's id of the message: a UUID in lower-case text, the same on every retry",
  });
/** The server's id of an entry, in the one form it has. What is no UUID never reaches the database, where it would fail a whole batch. */
export const entryId = (description: string) => Type.String({ pattern: uuidPattern, description });
export const opaqueId = (description: string) =>
  Type.String({ minLength: 1, maxLength: limits.maxIdLength, pattern: '^[^\\u0000]+$', description });
export const userId = () => opaqueId('User id: the `sub` of the token, 1–128 characters, no NUL');
export const roomId = () => opaqueId('Room id, 1–128 characters, no NUL');
export const seq = () =>
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Number of the entry in its conversation: 1, 2, 3 …' });
export const position = () =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'A seq, or 0 for before the first entry' });
export const epoch = () => Type.Integer({ minimum: 0, maximum: 2_147_483_647, description: 'Ownership epoch of the conversation' });
export const time = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: `${description}, ms since 1970` });
export const shortText = (maxLength: number, description: string) => Type.String({ maxLength, pattern: '^[^\\u0000]*$', description });
export const reason = () => shortText(limits.maxReasonLength, 'Reason, visible to all members');
export const role = () => words(roles, 'Role of a user');
export const status = () => words(conversationStatuses, 'Status of the conversation');
export const channel = () => Type.String({ pattern: '^[a-z0-9_-]{1,32}$', description: 'Channel: web, whatsapp, facebook …' });
/** JSON values only; depth, keys and bytes are checked by `checkMetadata`. */
export const json = (description: string) => Type.Record(Type.String(), Type.Unknown(), { description });

/** One entry of the log: a message or a system entry. The same shape in pushes and in pages. */
export const Entry = shape('Entry', {
  conversationId: conversationId(),
  seq: seq(),
  id: Type.String({ description: "The server's id of the entry, a UUIDv7" }),
  messageId: Type.String({ description: "The sender's id of the message" }),
  type: words(messageTypes, 'Kind of entry'),
  sender: userId(),
  senderRole: role(),
  direction: words(['inbound', 'outbound'], 'inbound when a customer wrote it'),
  status: words(['sent'], 'Always sent; delivered and read are watermarks'),
  createdAt: time('Stored at'),
  text: Type.Optional(Type.String({ description: 'Text after the text policy' })),
  mediaId: Type.Optional(Type.String({ description: 'Opaque id of a medium' })),
  metadata: Type.Optional(json('Free data of the sender; of a system entry: event and its fields')),
});
export type Entry = Static<typeof Entry>;

/** State of a conversation, without its log. */
export const Conversation = shape('Conversation', {
  id: conversationId(),
  workspaceId: Type.String({ description: "The creator's workspace" }),
  channel: channel(),
  status: status(),
  assignedAgent: Type.Optional(userId()),
  assignedAgentName: Type.Optional(Type.String({ description: 'Display name of the assigned agent' })),
  botEnabled: Type.Boolean({ description: 'Whether bots may answer' }),
  ownerEpoch: epoch(),
  createdBy: userId(),
  createdAt: time('Created at'),
  subject: Type.Optional(Type.String({ description: 'Subject' })),
});
export type Conversation = Static<typeof Conversation>;

/** A member with both watermarks. */
export const Member = shape('Member', {
  userId: userId(),
  name: Type.String({ description: 'Display name' }),
  role: role(),
  readSeq: position(),
  deliveredSeq: position(),
});
export type Member = Static<typeof Member>;

export const Watermark = shape('Watermark', { userId: userId(), readSeq: position(), deliveredSeq: position() });
export type Watermark = Static<typeof Watermark>;

/** Where a client stands in one conversation. */
export const Position = shape('Position', {
  conversationId: conversationId(),
  afterSeq: Type.Optional(position()),
  afterId: Type.Optional(entryId('id of the entry at afterSeq: tells a log that went back')),
});
export type Position = Static<typeof Position>;

/** What a join or a sync says of one conversation. */
export const JoinResult = shape('JoinResult', {
  conversation: Conversation,
  head: position(),
  entries: Type.Array(Entry, { description: 'Entries after afterSeq in rising order, or the newest page' }),
  more: Type.Boolean({ description: 'Entries are missing between the page and head; page on with conversation:history' }),
  members: Type.Array(Member, { description: 'At most maxMembersInReply' }),
  memberCount: Type.Integer({ minimum: 0, description: 'All members' }),
  ownerEpoch: epoch(),
  visibleFromSeq: seq(),
  unreadCount: Type.Integer({
    minimum: 0,
    description: 'Entries of others after my read watermark, system entries not counted, capped at unreadCap',
  }),
  reset: Type.Optional(Type.Boolean({ description: 'The log went back: forget the local view, this page starts anew' })),
});
export type JoinResult = Static<typeof JoinResult>;

/** The refusal of one item of a list. */
export const Refusal = shape('Refusal', { conversationId: conversationId(), code: Type.String({ description: 'Error code' }) });

export const Presence = shape('Presence', {
  userId: userId(),
  status: words(['online', 'away', 'busy', 'offline'], 'Presence'),
  role: Type.Optional(role()),
  lastSeen: Type.Optional(time('Last seen')),
  email: Type.Optional(Type.String({ description: 'Only to the same workspace' })),
});
export type Presence = Static<typeof Presence>;

/** An entry of the private log of one user. */
export const Notification = shape('Notification', {
  seq: seq(),
  id: Type.String({ description: 'Id of the notification' }),
  type: words(['info', 'success', 'warning', 'error', 'alert'], 'Severity'),
  title: shortText(100, 'Title'),
  message: shortText(500, 'Text'),
  timestamp: time('Published at'),
  priority: words(['low', 'normal', 'high'], 'Priority'),
  data: Type.Optional(json('Free data')),
});
export type Notification = Static<typeof Notification>;

export const Escalation = shape('Escalation', {
  id: Type.String({ description: 'Escalation id' }),
  conversationId: conversationId(),
  reason: words(['manual', 'keyword', 'intent', 'timeout'], 'Why it was raised'),
  status: words(['pending', 'accepted', 'declined'], 'State of the escalation'),
  createdAt: time('Raised at'),
  fromAgent: Type.Optional(userId()),
  toAgent: Type.Optional(userId()),
  acceptedAt: Type.Optional(time('Accepted at')),
  seq: Type.Optional(seq()),
});
