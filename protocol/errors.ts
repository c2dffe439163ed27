// Every error reply. `retryable` says whether the same command may succeed later without being changed.

export const errorCodes = {
  BAD_FRAME: {
    retryable: false,
    meaning: 'The frame is not a command: not MessagePack, too deep, too short, or with values the protocol does not have.',
  },
  INVALID_BODY: { retryable: false, meaning: 'The body breaks the schema or a limit of the command.' },
  UNKNOWN_COMMAND: { retryable: false, meaning: 'The op number is unknown here, or this path does not offer the command.' },
  NOT_AUTHENTICATED: { retryable: false, meaning: 'The command needs an authenticated session, or the token was refused.' },
  ACCESS_DENIED: { retryable: false, meaning: 'The identity may not do this.' },
  NOT_FOUND: { retryable: false, meaning: 'The thing does not exist, or is not visible to this identity; the two look the same.' },
  RATE_LIMIT_EXCEEDED: { retryable: true, meaning: 'Too many of this command; details carry limit, windowMs and resetAt.' },
  ID_REUSED: { retryable: false, meaning: 'The id was used before with another content, or by somebody else.' },
  CONFLICT: { retryable: false, meaning: 'Others wrote after ifLastSeq; details carry head and the newer entries.' },
  OWNERSHIP_CHANGED: { retryable: false, meaning: 'The ownership epoch moved on; details carry the current ownerEpoch.' },
  CONVERSATION_CLOSED: { retryable: false, meaning: 'The conversation is closed or archived for this sender.' },
  ROOM_FULL: { retryable: false, meaning: 'The conversation or room has reached its member cap.' },
  TOO_LARGE: { retryable: false, meaning: 'The frame exceeds maxFrameBytes.' },
  UNAVAILABLE: {
    retryable: true,
    meaning: 'The server cannot do this now (overload, store down, draining); try again after retryAfterMs.',
  },
  INTERNAL: { retryable: true, meaning: 'A fault of the server; it is logged there under the request id.' },
} as const;

export type ErrorCode = keyof typeof errorCodes;
