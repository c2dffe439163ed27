// The connections of the memory server, from the first byte to the end, and what is written to them.

import { limits } from '../../protocol/limits.ts';
import type { MemoryServer } from './memory-server.ts';
import { MemorySession, type MemoryUser } from './memory-session.ts';
import type { MemorySocket } from './memory-socket.ts';
import type { Frame } from './recorder.ts';

/** Sessions of one user; a further one takes the place of the oldest. */
const maxSessions = 10;

export class Sessions {
  readonly all: MemorySession[] = [];
  readonly #server: MemoryServer;

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  add(socket: MemorySocket): MemorySession {
    const session = new MemorySession(`s${this.all.length + 1}`, socket);
    this.all.push(session);
    return session;
  }

  /** Its socket is open: it must authenticate soon, and hears that the server lives. */
  opened(session: MemorySession): void {
    const { clock } = this.#server;
    this.tell(session, 'open');
    session.timers = [clock.setTimeout(() => session.socket.closeFromServer(4408, 'no auth in time'), limits.authTimeoutMs)];
    this.#beat(session);
  }

  enter(session: MemorySession, user: MemoryUser, previousSessionId: string | undefined): void {
    const others = this.#server.sessionsOf(user.userId);
    const previous = others.find(({ id }) => id === previousSessionId);
    const oldest = others.length >= maxSessions ? others[0] : undefined;
    session.user = user;
    (previous ?? oldest)?.socket.closeFromServer(4409, 'replaced');
    this.#server.presences.changed(user);
  }

  ended(session: MemorySession, how: string): void {
    this.tell(session, how);
    for (const timer of [...session.timers, session.beat]) this.#server.clock.clearTimeout(timer);
    const { user } = session;
    if (!user) return;
    this.#server.typing.left(session);
    this.#server.rooms.gone(session);
    this.#server.presences.changed(user, true);
  }

  /** A frame of the server, as it is and in words; a fault may change what becomes of it. */
  write(session: MemorySession, words: Pick<Frame, 'kind' | 'name' | 'id' | 'body'>, bytes: Uint8Array): void {
    session.socket.deliver(bytes, this.#judged(session, 'server', words, bytes.length));
  }

  /** A frame of the client, likewise. */
  heard(session: MemorySession, words: Pick<Frame, 'kind' | 'name' | 'id' | 'body'>, bytes: number): Frame['fate'] {
    return this.#judged(session, 'client', words, bytes);
  }

  tell(session: MemorySession, what: string): void {
    this.#server.recorder.add({ atMs: this.#server.clock.now(), sessionId: session.id, userId: session.userId, what });
  }

  #judged(
    { id: sessionId, userId }: MemorySession,
    from: Frame['from'],
    words: Pick<Frame, 'kind' | 'name' | 'id' | 'body'>,
    bytes: number,
  ): Frame['fate'] {
    const frame: Frame = { atMs: this.#server.clock.now(), sessionId, userId, from, ...words, bytes };
    frame.fate = this.#server.faults.judge(frame);
    this.#server.recorder.add(frame);
    return frame.fate;
  }

  #beat(session: MemorySession): void {
    const { clock, aliveIntervalMs } = this.#server;
    if (aliveIntervalMs <= 0) return;
    session.beat = clock.setTimeout(() => {
      this.#server.push(session, 'alive', { serverTime: clock.now() });
      this.#beat(session);
    }, aliveIntervalMs);
  }
}
