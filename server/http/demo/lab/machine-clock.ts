// The time of the machine.

import type { Clock } from '../../../../client-sdk/index.ts';

export const machineClock: Clock = {
  now: () => Date.now(),
  setTimeout: (task, delayMs) => setTimeout(task, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
