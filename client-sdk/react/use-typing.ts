// Who writes in a conversation, for a component that shows no more of it than that.

import { useMemo, useSyncExternalStore } from 'react';
import type { Client } from '../index.ts';
import { useClient } from './provider.ts';
import { steadyList } from './steady.ts';

/** Typing in one conversation, in both directions. */
export interface TypingView {
  /** Users who are typing now, without this one. */
  readonly users: readonly string[];
  /** This user types. Call it at every keystroke. */
  readonly start: () => void;
  /** This user stopped typing without sending. */
  readonly stop: () => void;
}

/** Who types in a conversation that is joined. It joins none itself. */
export function useTyping(conversationId: string): TypingView {
  const client = useClient();
  const source = useMemo(() => typingSource(client, conversationId), [client, conversationId]);
  const users = useSyncExternalStore(source.subscribe, source.users, source.users);
  return useMemo(() => ({ users, start: source.start, stop: source.stop }), [users, source]);
}

function typingSource(client: Client, id: string) {
  const conversation = client.conversation(id);
  let last: readonly string[] | undefined;
  return {
    subscribe: (listener: () => void) => conversation.on('typing', listener),
    users: () => {
      last = steadyList(last, conversation.typing.users);
      return last;
    },
    start: () => conversation.typing.start(),
    stop: () => conversation.typing.stop(),
  };
}
