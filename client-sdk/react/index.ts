// The door of utalk-realtime/client/react: the client SDK in React 19 or newer. It holds no state of its own; components read
// the snapshots of the SDK.

export type { ConversationView } from './conversation-source.ts';
export { type ClientGiven, type OptionsGiven, UTalkProvider, useClient } from './provider.ts';
export { useConnectionState } from './use-connection-state.ts';
export { useConversation } from './use-conversation.ts';
export { usePresence } from './use-presence.ts';
export { type TypingView, useTyping } from './use-typing.ts';
