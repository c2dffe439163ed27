export * from './commands.ts';
export type { Conversation, Entry, JoinResult, Member, Notification, Position, Presence, Watermark } from './common.ts';
export * from './pushes.ts';
