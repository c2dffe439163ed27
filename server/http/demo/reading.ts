// What a reader brings about: what was seen becomes read, and older messages come where he looks for them.

import type { ConversationHandle } from '../../../client-sdk/index.ts';
import type { LogView } from './log-view.ts';

/** Marks what somebody has seen as read. Reading changes the view again, so the same seq is not read twice. */
export function readWhenSeen(conversation: ConversationHandle, seen: () => number | undefined): () => void {
  let highest = 0;
  return () => {
    const seq = conversation.unreadCount > 0 ? seen() : undefined;
    if (seq === undefined || seq <= highest) return;
    highest = seq;
    // Refused only where one is no member any more, which the state says.
    conversation.read(seq).catch(() => {});
  };
}

/** Loads one older page at a time until the first entry is there. */
export function olderPages(conversation: ConversationHandle, log: LogView): () => void {
  let busy = false;
  const showStart = () => log.showStart(conversation.entries[0]?.seq === 1 ? 'The beginning of this conversation' : '');
  return async () => {
    const first = conversation.entries[0];
    if (busy || first === undefined) return;
    busy = true;
    try {
      if (first.seq !== 1) await conversation.history();
      showStart();
    } catch {
      // Tried again when the reader comes here again.
      log.showStart('Older messages cannot be loaded now');
    } finally {
      busy = false;
    }
  };
}
