// One conversation in a component.

import { useMemo, useSyncExternalStore } from 'react';
import { ConversationSource, type ConversationView } from './conversation-source.ts';
import { useClient } from './provider.ts';

/**
 * Joins the conversation and shows it. It stays joined when the component is unmounted, so that coming back shows it at once;
 * `conversation.leave()` ends that.
 */
export function useConversation(conversationId: string): ConversationView {
  const client = useClient();
  const source = useMemo(() => new ConversationSource(client, conversationId), [client, conversationId]);
  return useSyncExternalStore(source.subscribe, source.view, source.view);
}
