// Says in words why a client is not live.

import type { ConnectionState, StateName } from './connection-state.ts';
import type { Logger } from './options.ts';

/** Writes what the developer should know of this state: once for each outage, and nothing of one that ends with the first try. */
export function complain(state: ConnectionState, logger: Logger): void {
  const {
    name,
    attempt,
    reason,
    message = reason,
    code = 'auth_required',
  } = state as {
    name: StateName;
    attempt?: number;
    reason?: string;
    message?: string;
    code?: number;
  };
  const isNews = name === 'offline' ? attempt === 2 : 'authRequired closed'.includes(name) && reason !== 'client';
  if (isNews) logger.warn(`not live (${name}): ${message}. See docs/ERRORS.md#${code}`);
}
