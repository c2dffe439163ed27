// The server's side of one connection: who it is, what it has joined, and what it has asked for.

import type { Presence } from '../../protocol/bodies/index.ts';
import type { CommandName } from '../../protocol/ops.ts';
import type { Role } from '../../protocol/roles.ts';
import type { MemorySocket } from './memory-socket.ts';

/** A user whom the server knows. */
export interface MemoryUser {
  readonly userId: string;
  name: string;
  role: Role;
}

export class MemorySession {
  readonly id: string;
  readonly socket: MemorySocket;
  user: MemoryUser | undefined;
  /** Conversations whose pushes it gets. */
  readonly joined = new Set<string>();
  readonly rooms = new Set<string>();
  /** Conversations whose sends are refused until one marked `first`. */
  readonly blocked = new Set<string>();
  /** Users whose presence it hears of. */
  readonly watched = new Set<string>();
  status: Presence['status'] = 'online';
  /** Every command that came, in order. */
  readonly commands: { name: CommandName; body: unknown }[] = [];
  /** Its `auth` was refused: what comes behind is dropped unanswered. */
  refused = false;
  /** Times of malformed frames, ms since 1970. */
  badFramesMs: number[] = [];
  /** Timers of its `auth`, then of its token. */
  timers: unknown[] = [];
  /** Timer of its next proof of life. */
  beat: unknown;

  constructor(id: string, socket: MemorySocket) {
    this.id = id;
    this.socket = socket;
  }

  get userId(): string | undefined {
    return this.user?.userId;
  }

  /** Whether the server has it open and knows whose it is. */
  get isLive(): boolean {
    return this.socket.isOpen && this.user !== undefined;
  }
}
