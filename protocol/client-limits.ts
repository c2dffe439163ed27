// The limits that a client keeps by itself, each a constant of its own, so that bundlers can put the number where it is used.
// They are part of the table in limits.ts.

/** A larger frame is answered TOO_LARGE. */
export const maxFrameBytes = 65_536;
/** Frames and bytes that may wait behind `auth`. */
export const maxFramesBeforeAuth = 64;
export const maxBytesBeforeAuth = 65_536;
/** Conversations in one join:conversation. */
export const maxJoins = 100;
/** Positions in one sync:state. */
export const maxPositions = 500;
/** Conversations in one conversation:delivered. */
export const maxDelivered = 500;
export const historyPage = 100;
export const defaultHistoryPage = 50;
/** Unread counts stop here and are shown as "100+". */
export const unreadCap = 100;
export const typingLeaseMs = 6_000;
/** A client that saw no frame for this long sends `ping`. */
export const silenceMs = 33_000;
export const pongTimeoutMs = 5_000;
