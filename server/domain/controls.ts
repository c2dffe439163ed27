// What nodes tell each other about users and their sessions, and about members of new conversations: the frames of bus events
// of kind control.

import { pack, unpack } from '../../protocol/codec.ts';
import { type BusEvent, busKinds } from '../bus/index.ts';
import type { Key, UserRecord } from '../store/store.ts';

export type Control =
  /** The user was expelled, deactivated or activated; the key of the event is the user's. */
  | { type: 'rights'; user: UserRecord; reason: string; message: string }
  /** A session has taken this number (policy single): those with lower ones end. The key is the user's. */
  | { type: 'session'; number: number }
  /** The session is followed by a new one of the same client. The key is the user's. */
  | { type: 'followed'; sessionId: string }
  /** The present sessions of the user come into a room of their tenant, or leave it. The key is the user's. */
  | { type: 'room'; roomId: string; join: boolean }
  /** The conversation is new and has these members. The key is the conversation's. */
  | { type: 'created'; members: readonly Key[] };

export const controlEvent = (key: Key, control: Control): BusEvent => ({ kind: busKinds.control, key, seq: 0, frame: pack(control) });

/** The control of an event of another node; undefined for one of a version that this node does not know. */
export function controlOf({ frame }: BusEvent): Control | undefined {
  const control = unpack(frame) as Control;
  return known.has(control.type) ? control : undefined;
}

const known: ReadonlySet<string> = new Set(['rights', 'session', 'followed', 'room', 'created'] satisfies Control['type'][]);
