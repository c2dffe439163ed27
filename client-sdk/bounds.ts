// The waits and bounds of the client that are its own, each a constant of its own, so that bundlers can put the number where it
// is used. Those that the protocol sets are in protocol/client-limits.ts.

/** The ceiling of the first wait before another attempt to connect; doubled with each failure. */
export const reconnectBaseMs = 1_000;
/** A connection that was live for this long was a success: the count of failures begins anew. */
export const stableMs = 5_000;
/** How long the close frame behind a refused `auth` is waited for: its code says more than the error. */
export const closeFrameWaitMs = 1_000;
/** An outage whose first wait is this long is worth a warning. */
export const longOutageMs = 5_000;
/** How long a reply to a ping is waited for while pushes come, which may be in front of it. */
export const maxPongWaitMs = 20_000;
/** How long open replies hold up the move away from a server that shuts down. */
export const maxReplyWaitMs = 2_000;
/** Between two attempts to renew a token. */
export const renewalPauseMs = 5_000;
/** Between two looks at the clock for a jump. */
export const clockTickMs = 5_000;
/** Longest pause before a command is repeated that the server could not carry out now. */
export const longestPauseMs = 8_000;

/** Messages on their way in all conversations: below the burst of frames that the server takes. */
export const maxWindow = 64;
/** The wait after a rate limit that names none. */
export const rateLimitHoldMs = 1_000;
/** A refusal that asks for a longer wait than this is a failure for the user to see. */
export const maxRetryAfterMs = 60_000;
/** A refused message is tried again within this time at random, so that clients do not come back all at once. */
export const refusalJitterMs = 2_000;
/** Refused for this long, a message has failed. */
export const maxRefusedMs = 30_000;

/** Requests at a time that join conversations or bring their logs to the head. */
export const maxRequests = 4;
/** Logs with holes in one of them. The server gives each as much as alone, as long as the page has room. */
export const maxLogsTogether = 10;
/** The same hole is asked for this often before it is believed that the server has nothing there. */
export const maxFruitless = 3;
/** Entries beyond a hole that are kept; when there are more, all of them are fetched again. */
export const maxHeld = 512;
/** An acknowledged message that no push has brought after this long is fetched. */
export const pushOverdueMs = 1_000;
/** Between two reports of what was delivered. */
export const reportIntervalMs = 1_000;
/** Typing is told again after this long: well before the server's lease ends. */
export const typingRenewMs = 3_000;
/** Tries to create a conversation. Each further one costs a connection that broke. */
export const maxCreateTries = 5;
/** Notifications that are kept. */
export const maxNotifications = 200;
/** Users whose presence is kept. */
export const maxPresences = 5_000;
