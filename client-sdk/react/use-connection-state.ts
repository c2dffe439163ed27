// Where the client stands, for a line that says so.

import { useCallback, useSyncExternalStore } from 'react';
import type { ConnectionState } from '../index.ts';
import { useClient } from './provider.ts';

/** The state of the client with its reason and the time of the next try; renders again when it changes. */
export function useConnectionState(): ConnectionState {
  const client = useClient();
  const subscribe = useCallback((listener: () => void) => client.on('state', listener), [client]);
  const read = () => client.connection;
  return useSyncExternalStore(subscribe, read, read);
}
