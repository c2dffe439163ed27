// The public door of the protocol: tables and types. Bodies as schemas are in bodies/, bytes in codec.ts.

export type {
  CommandInput,
  CommandOutput,
  Conversation,
  Entry,
  ErrorBody,
  JoinResult,
  Member,
  Notification,
  Position,
  Presence,
  PushBody,
  Watermark,
} from './bodies/index.ts';
export { type CloseCode, closeCodes, comesBack } from './close-codes.ts';
export { type ErrorCode, errorCodes } from './errors.ts';
export { limits } from './limits.ts';
export { checkMetadata } from './metadata.ts';
export { type CommandName, commandNames, commandOps, errorKind, type PushName, pushNames, pushOps, replyKind } from './ops.ts';
export * from './roles.ts';
export { scanFrame } from './scan.ts';
export { commandSlots, errorSlots, pushSlots, replySlots } from './slots.ts';
export { fromTuple, type Shape, type Slot, toTuple } from './tuples.ts';
export { protocolVersion, subprotocol, tokenSubprotocolPrefix } from './version.ts';
