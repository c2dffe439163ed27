// Who is there, in a component. Best effort, like all presence.

import { useMemo, useSyncExternalStore } from 'react';
import type { Client, Presence } from '../index.ts';
import { PresenceWatch } from './presence-watch.ts';
import { useClient } from './provider.ts';
import { steadyList } from './steady.ts';

/**
 * Watches these users and answers what is known of them, by user id; who is not known is absent. All components together
 * watch at most 500, the first ones; do not call `client.presence.subscribe` beside it, which replaces the set.
 */
export function usePresence(userIds: readonly string[]): ReadonlyMap<string, Presence> {
  const client = useClient();
  // By content: components make a new array at every render.
  const key = JSON.stringify([...new Set(userIds)].sort());
  const source = useMemo(() => presenceSource(client, JSON.parse(key) as string[]), [client, key]);
  const known = useSyncExternalStore(source.subscribe, source.known, source.known);
  return useMemo(() => new Map(known.map((presence) => [presence.userId, presence])), [known]);
}

function presenceSource(client: Client, userIds: readonly string[]) {
  let last: readonly Presence[] | undefined;
  return {
    subscribe: (listener: () => void) => {
      const off = client.presence.on('change', listener);
      const forget = PresenceWatch.of(client).add(userIds);
      return () => {
        off();
        forget();
      };
    },
    known: () => {
      const known = userIds.map((userId) => client.presence.of(userId)).filter((presence) => presence !== undefined);
      last = steadyList(last, known);
      return last;
    },
  };
}
