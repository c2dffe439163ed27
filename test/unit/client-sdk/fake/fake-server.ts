// A server in memory that speaks the real frames through the server's own codec, over sockets whose wires a test can cut,
// delay and silence. It keeps the promises of the protocol; `script` breaks them on purpose.

import { Compile } from 'typebox/compile';
import { commandBodies } from '../../../../protocol/bodies/commands.ts';
import { commandBody, decodeCommand, encodeError, encodePush, encodeReply } from '../../../../protocol/codec.ts';
import {
  type CommandName,
  type CommandOutput,
  commandNames,
  type ErrorBody,
  limits,
  type Notification,
  type PushBody,
  type PushName,
} from '../../../../protocol/index.ts';
import { handlers, Refusal } from './fake-commands.ts';
import { FakeLogs } from './fake-log.ts';
import { FakeSocket } from './fake-socket.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface FakeSession {
  id: string;
  socket: FakeSocket;
  userId: string | undefined;
  joined: Set<string>;
  /** Conversations whose sends are refused until one marked `first`. */
  blocked: Set<string>;
  /** Every command that came, in order. */
  commands: { name: CommandName; body: unknown }[];
  /** Its `auth` was refused. */
  refused: boolean;
  /** Bytes of each frame that the client wrote before it had any answer. */
  firstFlight: number[];
}

/** What a script does with a command: an error, silence, or the effect without its reply. Undefined handles it as usual. */
export type Fault = { error: Partial<ErrorBody> & { code: string } } | 'ignore' | 'loseReply' | undefined;
export type Script = (command: { name: CommandName; body: Record<string, unknown>; session: FakeSession }) => Fault;

const checks = new Map<CommandName, { Check(value: unknown): boolean }>();

export class FakeServer {
  readonly clock: VirtualClock;
  readonly logs: FakeLogs;
  readonly sessions: FakeSession[] = [];
  readonly WebSocket: new (
    url: string,
    protocols?: string | string[],
  ) => FakeSocket;
  /** One way. */
  latencyMs = 5;
  /** New sockets never open. */
  down = false;
  script: Script = () => undefined;
  /** Pushes for which this is true are lost. */
  losePush: (session: FakeSession, name: PushName, body: unknown) => boolean = () => false;
  /** Sees each session that was welcomed. */
  onLive: (session: FakeSession) => void = () => {};
  role = 'customer';
  notifications: Notification[] = [];
  #ids = 0;

  constructor(clock: VirtualClock) {
    this.clock = clock;
    this.logs = new FakeLogs(() => clock.now());
    const server = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols, server);
      }
    };
  }

  /** Sessions whose socket is open. */
  get live(): FakeSession[] {
    return this.sessions.filter(({ socket }) => socket.isOpen);
  }

  sessionOf(userId: string): FakeSession {
    const session = this.live.find((one) => one.userId === userId);
    if (!session) throw new Error(`no session of ${userId}`);
    return session;
  }

  accept(socket: FakeSocket): FakeSession {
    const session: FakeSession = {
      id: `s${++this.#ids}`,
      socket,
      userId: undefined,
      joined: new Set(),
      blocked: new Set(),
      commands: [],
      refused: false,
      firstFlight: [],
    };
    this.sessions.push(session);
    return session;
  }

  /** A message of another user, as from another node. */
  say(userId: string, conversationId: string, text: string, messageId = crypto.randomUUID()): void {
    const { entry } = this.logs.append(userId, { conversationId, messageId, type: 'text', text });
    if (entry) this.publish(conversationId, 'message:new', entry);
  }

  publish<N extends PushName>(conversationId: string, name: N, body: PushBody<N>): void {
    for (const session of this.live) if (session.joined.has(conversationId)) this.push(session, name, body);
  }

  push<N extends PushName>(session: FakeSession, name: N, body: PushBody<N>): void {
    if (!this.losePush(session, name, body)) session.socket.deliver(encodePush(name, body));
  }

  receive(session: FakeSession, bytes: Uint8Array): void {
    if (bytes.length > limits.maxFrameBytes) throw new Error('a frame exceeds maxFrameBytes');
    const { op, id, slots } = decodeCommand(bytes);
    const name = commandNames.get(op);
    if (!name) throw new Error(`unknown op ${op}`);
    const body = commandBody(name, slots) as Record<string, unknown>;
    check(name, body);
    if (session.refused) return; // Frames behind a refused auth are dropped unanswered.
    if (session.userId === undefined && name !== 'auth') throw new Error(`${name} came before auth`);
    session.commands.push({ name, body });
    const fault = this.script({ name, body, session });
    if (fault === 'ignore') return;
    if (typeof fault === 'object') this.#refuse(session, id, name, body, fault.error);
    else this.#answer(session, id, name, body, fault === 'loseReply');
  }

  #refuse(
    session: FakeSession,
    id: number,
    name: CommandName,
    body: Record<string, unknown>,
    error: Partial<ErrorBody> & { code: string },
  ): void {
    const retryable = error.retryable ?? false;
    session.refused ||= name === 'auth';
    if (name === 'message:send' && retryable) session.blocked.add(String(body.conversationId));
    session.socket.deliver(encodeError(id, { message: error.code, ...error, retryable }));
  }

  #answer(session: FakeSession, id: number, name: CommandName, body: Record<string, unknown>, loseReply: boolean): void {
    const handler = handlers[name] as ((server: FakeServer, session: FakeSession, body: unknown) => CommandOutput<CommandName>) | undefined;
    if (!handler) throw new Error(`the fake server does not know ${name}`);
    try {
      const reply = handler(this, session, body);
      if (!loseReply) session.socket.deliver(encodeReply(name, id, reply as never));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      session.refused ||= name === 'auth';
      session.socket.deliver(
        encodeError(id, { code: error.message, message: error.message, retryable: error.retryable, retryAfterMs: error.retryAfterMs }),
      );
      if (error.closeCode !== undefined) session.socket.closeFromServer(error.closeCode);
    }
  }
}

function check(name: CommandName, body: unknown): void {
  const compiled = checks.get(name) ?? Compile(commandBodies[name].input);
  checks.set(name, compiled);
  if (!compiled.Check(body)) throw new Error(`an invalid body of ${name}: ${JSON.stringify(body)}`);
}
