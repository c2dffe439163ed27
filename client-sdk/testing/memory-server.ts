// A server in memory that speaks the real protocol over sockets in memory, for tests of applications and of this SDK. It
// shares the tables of the protocol with the real server and no code; one suite runs against both, so they cannot drift.

import type { Entry, Notification, PushBody } from '../../protocol/bodies/index.ts';
import { limits } from '../../protocol/limits.ts';
import type { CommandName, PushName } from '../../protocol/ops.ts';
import type { Role } from '../../protocol/roles.ts';
import { newId, type Random } from '../ids.ts';
import { tellEntry, tellMembers } from './fan-out.ts';
import { Faults } from './faults.ts';
import { encodePush } from './frames.ts';
import { Inbound, type Script } from './inbound.ts';
import { Inboxes } from './inboxes.ts';
import { type MemberChange, Memberships } from './memberships.ts';
import { MemoryDevice, type PageOptions } from './memory-device.ts';
import { MemoryLogs, type Snapshot } from './memory-logs.ts';
import type { MemorySession, MemoryUser } from './memory-session.ts';
import { MemorySocket, type SocketHost } from './memory-socket.ts';
import { Presences } from './presences.ts';
import { Recorder } from './recorder.ts';
import { MemoryRooms } from './rooms.ts';
import { derivedSeed, seededRandom } from './seeded-random.ts';
import { Sessions } from './sessions.ts';
import { TypingLeases } from './typing-leases.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface MemoryServerOptions {
  /** Of every random choice, the clients' too. Default 1. */
  seed?: number;
  /** Shared with other servers, or with the application under test. */
  clock?: VirtualClock;
  /** Of every frame, one way. Default 5 ms. */
  latencyMs?: number;
}

export class MemoryServer {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly logs: MemoryLogs;
  readonly users = new Map<string, MemoryUser>();
  readonly faults: Faults;
  readonly recorder = new Recorder();
  readonly inboxes = new Inboxes();
  readonly typing: TypingLeases;
  readonly presences: Presences;
  readonly rooms: MemoryRooms;
  /** The option `WebSocket` of a client. */
  readonly WebSocket: new (
    url: string,
    protocols?: string | string[],
  ) => MemorySocket;
  /** Commands of the application by name, for `client.call()`. */
  readonly calls = new Map<string, (body: unknown, user: MemoryUser) => unknown>();
  /** What clients did that the protocol forbids, in words. Empty in a sound test. */
  readonly violations: string[] = [];
  latencyMs: number;
  /** New connections fail. */
  down = false;
  /** Refuses, ignores or answers silently what the clients ask; by default nothing. */
  script: Script = () => undefined;
  /** How long a token is good from the moment it was shown. */
  tokenLifeMs = 3_600_000;
  /** Every session hears from the server this often; 0: never. */
  aliveIntervalMs: number = limits.aliveIntervalMs;
  /** The user of a token; undefined refuses it. By default a token is a user's id, and bad when it begins with `bad`. */
  verify: (token: string) => MemoryUser | undefined = (token) => (token === '' || token.startsWith('bad') ? undefined : this.user(token));
  readonly #random: Random;
  readonly #sessions: Sessions;
  readonly #memberships: Memberships;

  constructor({ seed = 1, clock = new VirtualClock(), latencyMs = 5 }: MemoryServerOptions = {}) {
    this.seed = seed;
    this.clock = clock;
    this.latencyMs = latencyMs;
    this.#random = seededRandom(seed);
    this.faults = new Faults(seededRandom(derivedSeed(this.#random)));
    this.logs = new MemoryLogs(
      () => clock.now(),
      (userId) => this.user(userId),
    );
    this.typing = new TypingLeases(this);
    this.presences = new Presences(this);
    this.rooms = new MemoryRooms(this);
    this.#memberships = new Memberships(this);
    this.#sessions = new Sessions(this);
    const host: SocketHost = new Inbound(this, this.#sessions);
    this.WebSocket = class extends MemorySocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols, host);
      }
    };
  }

  /** A device of this user, whose network and pages a test can end. */
  device(userId: string): MemoryDevice {
    return new MemoryDevice(this, userId, this.#random);
  }

  /** The options of a client of this user, on a device of its own: where the server is, who it is, and the clock of both. */
  options(userId: string): PageOptions {
    return this.device(userId).page().options;
  }

  /** A user; made as a customer when nobody of this id was seen before. `more` changes name or role. */
  user(userId: string, more: { name?: string; role?: Role } = {}): MemoryUser {
    const user = this.users.get(userId) ?? { userId, name: userId, role: 'customer' };
    this.users.set(userId, user);
    return Object.assign(user, more);
  }

  /** Makes a conversation with these members, who are told, the first of them its creator. */
  conversation(id: string, members: readonly string[]): void {
    this.logs.create(id, members);
    tellMembers(this, id, members);
  }

  /** The entries of a conversation, in order of seq. */
  log(conversationId: string): readonly Entry[] {
    return this.logs.get(conversationId).log;
  }

  /** A message of a user who needs no client here. */
  say(userId: string, conversationId: string, text: string, messageId = this.newId()): void {
    const { entry } = this.logs.append(userId, { conversationId, messageId, type: 'text', text });
    if (entry) tellEntry(this, entry);
  }

  /** Adds and removes members, as an agent would. @returns the seq of the last entry that tells it */
  changeMembers(conversationId: string, change: Partial<MemberChange>): number | undefined {
    return this.#memberships.change(conversationId, { by: 'server', add: [], remove: [], ...change });
  }

  /** A notification for a user, stored in the private log. */
  notify(userId: string, notification: Partial<Omit<Notification, 'seq' | 'id' | 'timestamp'>> & { title: string }): void {
    const common = { type: 'info', message: '', priority: 'normal', id: this.newId(), timestamp: this.clock.now() } as const;
    const stored = this.inboxes.append(userId, { ...common, ...notification });
    for (const session of this.sessionsOf(userId)) this.push(session, 'notification', stored);
  }

  /** Every connection that was ever tried, in order. */
  get sessions(): readonly MemorySession[] {
    return this.#sessions.all;
  }

  /** Those that are open and authenticated. */
  get live(): readonly MemorySession[] {
    return this.#sessions.all.filter(({ isLive }) => isLive);
  }

  sessionsOf(userId: string): readonly MemorySession[] {
    return this.live.filter((session) => session.userId === userId);
  }

  isJoined(conversationId: string, userId: string): boolean {
    return this.sessionsOf(userId).some(({ joined }) => joined.has(conversationId));
  }

  /** The wires of this user break; both sides see `code`, by default 1006. */
  cut(userId: string, code = 1006): void {
    for (const { socket } of this.sessionsOf(userId)) code === 1006 ? socket.break() : socket.closeFromServer(code);
  }

  /** Nothing passes on the wires of this user any more, and neither side is told. */
  silence(userId: string): void {
    for (const { socket } of this.sessionsOf(userId)) socket.silence();
  }

  /** Puts a user out: the close that no client comes back from. */
  expel(userId: string, reason = 'expelled', message = 'This user was expelled.'): void {
    for (const session of this.sessionsOf(userId)) {
      this.push(session, 'user:expelled', { reason, message });
      session.socket.closeFromServer(4403, reason);
    }
  }

  /** Drains: each client gets a slot within the window; who is still there afterwards is closed. */
  shutdown({ windowMs = 1_000, reason = 'deploy' }: { windowMs?: number; reason?: string } = {}): void {
    const leaving = this.live;
    for (const session of leaving) {
      const reconnectInMs = Math.floor(this.#random() * windowMs);
      const timestamp = this.clock.now();
      this.push(session, 'server:shutdown', { reason, reconnectInMs, message: 'The server restarts.', timestamp });
    }
    this.clock.setTimeout(() => {
      for (const { socket } of leaving) socket.closeFromServer(1012, reason);
    }, windowMs);
  }

  /** Dies and comes back after `downMs`. What was acknowledged is there, sessions and everything volatile are not. */
  restart({ downMs = 0 }: { downMs?: number } = {}): void {
    for (const { socket } of this.#sessions.all) if (socket.isOpen) socket.break();
    for (const part of [this.typing, this.presences, this.rooms]) part.clear();
    if (downMs <= 0) return;
    this.down = true;
    this.clock.setTimeout(() => {
      this.down = false;
    }, downMs);
  }

  /** What is stored now. */
  snapshot(): Snapshot {
    return this.logs.snapshot();
  }

  /** Dies and comes back with an older log, which has another generation: acknowledged messages may be gone. */
  restore(snapshot: Snapshot, options?: { downMs?: number }): void {
    this.restart(options);
    this.logs.restore(snapshot);
  }

  /** A push to every session that has joined the conversation. */
  publish<N extends PushName>(conversationId: string, name: N, body: PushBody<N>): void {
    for (const session of this.live) if (session.joined.has(conversationId)) this.push(session, name, body);
  }

  push<N extends PushName>(session: MemorySession, name: N, body: PushBody<N>): void {
    if (session.socket.isOpen) this.#sessions.write(session, { kind: 'push', name, body }, encodePush(name, body));
  }

  /** The session of a user who was let in. */
  enter(session: MemorySession, user: MemoryUser, previousSessionId: string | undefined): void {
    this.#sessions.enter(session, user, previousSessionId);
  }

  /** A UUID; the same ones in every run of a seed. */
  newId(): string {
    return newId(this.clock.now(), this.#random);
  }

  /** How often each command was asked, by all clients. */
  count(name: CommandName): number {
    return this.#sessions.all.reduce((sum, { commands }) => sum + commands.filter((one) => one.name === name).length, 0);
  }
}
