// The closed lists of words on the wire.

export const roles = ['customer', 'agent', 'admin', 'bot', 'service'] as const;
export type Role = (typeof roles)[number];

/** Kinds of log entries. Clients send all but `system`. The order is stored: append only. */
export const messageTypes = ['text', 'image', 'audio', 'file', 'location', 'sticker', 'system'] as const;
export type MessageType = (typeof messageTypes)[number];

export const conversationStatuses = ['open', 'pending', 'closed', 'escalated', 'archived'] as const;
export type ConversationStatus = (typeof conversationStatuses)[number];

/** The paths of the WebSocket URL, and the roles each admits (DECISIONS C1). */
export const paths = {
  '/app': ['customer', 'agent', 'admin', 'bot', 'service'],
  '/agent': ['agent', 'admin', 'bot', 'service'],
  '/admin': ['admin', 'service'],
} as const satisfies Record<string, readonly Role[]>;
export type Path = keyof typeof paths;
