export * from './commands.ts';
export * from './pushes.ts';
export type { Conversation, Entry, JoinResult, Member, Notification, Position, Presence, Watermark } from './shapes.ts';
