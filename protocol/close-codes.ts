// Every close code and whether the client comes back. `minDelayMs` is the least wait before the next try.

export const closeCodes = {
  1000: { name: 'NORMAL', comeBack: false, minDelayMs: 0, meaning: 'Closed on purpose by either side.' },
  1001: { name: 'GOING_AWAY', comeBack: true, minDelayMs: 0, meaning: 'The page or the server goes away.' },
  1006: { name: 'ABNORMAL', comeBack: true, minDelayMs: 0, meaning: 'The connection broke; never sent, only seen.' },
  1009: {
    name: 'TOO_BIG',
    comeBack: true,
    minDelayMs: 0,
    meaning: 'A message beyond twice maxFrameBytes; logged by the server, seen as 1006.',
  },
  1012: {
    name: 'RESTART',
    comeBack: true,
    minDelayMs: 0,
    meaning: 'The server restarts; come back in the slot that server:shutdown gave.',
  },
  1013: { name: 'OVERLOAD', comeBack: true, minDelayMs: 5_000, meaning: 'The server has no room now.' },
  4400: { name: 'BAD_FRAMES', comeBack: false, minDelayMs: 0, meaning: 'The third malformed frame within ten seconds.' },
  4401: {
    name: 'AUTH_FAILED',
    comeBack: true,
    minDelayMs: 0,
    meaning: 'The token was refused or ran out; come back once, with a fresh token.',
  },
  4403: { name: 'EXPELLED', comeBack: false, minDelayMs: 0, meaning: 'Expelled or deactivated.' },
  4408: { name: 'AUTH_TIMEOUT', comeBack: true, minDelayMs: 0, meaning: 'No auth command within five seconds of the open.' },
  4409: { name: 'REPLACED', comeBack: false, minDelayMs: 0, meaning: 'A newer session of the same user took this place.' },
  4413: {
    name: 'SLOW_READER',
    comeBack: true,
    minDelayMs: 0,
    meaning: 'The client read too slowly; logged by the server, often seen as 1006; come back and resume.',
  },
  4429: { name: 'FLOODING', comeBack: true, minDelayMs: 30_000, meaning: 'Far beyond the frame budget.' },
} as const;

export type CloseCode = keyof typeof closeCodes;

/** Whether a client comes back after this code; an unknown code counts as a broken connection. */
export function comesBack(code: number): boolean {
  return closeCodes[code as CloseCode]?.comeBack ?? true;
}
