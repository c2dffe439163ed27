// The way in: bytes of a client, the script, the handler, the answer. What no sound client does is answered as the protocol
// says, and kept as a violation.

import type { CommandOutput, ErrorBody } from '../../protocol/bodies/index.ts';
import { type ErrorCode, errorCodes } from '../../protocol/errors.ts';
import { limits } from '../../protocol/limits.ts';
import type { CommandName } from '../../protocol/ops.ts';
import { commands } from './commands.ts';
import type { Fate } from './faults.ts';
import { type CommandFrame, decodeCommand, encodeError, encodeReply } from './frames.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemorySession } from './memory-session.ts';
import type { MemorySocket, SocketHost } from './memory-socket.ts';
import { Refusal } from './refusal.ts';
import type { Sessions } from './sessions.ts';

/**
 * What a script does with a command: refuses it, never answers it, or does it and loses the reply. Undefined handles it as
 * usual. `retryable` and `message` of an error default to those of its code.
 */
export type ScriptedAnswer = { error: Partial<ErrorBody> & { code: string } } | 'ignore' | 'loseReply' | undefined;

/** Asked for every command before it is handled. */
export type Script = (command: { name: CommandName; body: Record<string, unknown>; session: MemorySession }) => ScriptedAnswer;

type Handler = (server: MemoryServer, session: MemorySession, body: unknown) => CommandOutput<CommandName>;

export class Inbound implements SocketHost {
  readonly #server: MemoryServer;
  readonly #sessions: Sessions;

  constructor(server: MemoryServer, sessions: Sessions) {
    this.#server = server;
    this.#sessions = sessions;
  }

  get clock() {
    return this.#server.clock;
  }

  get latencyMs(): number {
    return this.#server.latencyMs;
  }

  get down(): boolean {
    return this.#server.down;
  }

  accept(socket: MemorySocket): MemorySession {
    return this.#sessions.add(socket);
  }

  opened(session: MemorySession): void {
    this.#sessions.opened(session);
  }

  ended(session: MemorySession, how: string): void {
    this.#sessions.ended(session, how);
  }

  sent(session: MemorySession, bytes: Uint8Array): Fate | undefined {
    const { id, name = 'unknown', body } = read(bytes) ?? { id: 0, body: {} };
    return this.#sessions.heard(session, { kind: 'command', name, id, body }, bytes.length);
  }

  receive(session: MemorySession, bytes: Uint8Array): void {
    if (session.refused) return;
    const frame = read(bytes);
    if (!frame) return void this.#badFrame(session);
    const { id, name, body } = frame;
    if (bytes.length > limits.maxFrameBytes) return void this.#violated(session, frame, 'TOO_LARGE');
    if (!name || !commands[name]) return void this.#violated(session, frame, 'UNKNOWN_COMMAND');
    if (!session.user && name !== 'auth') return void this.#violated(session, frame, 'NOT_AUTHENTICATED');
    session.commands.push({ name, body });
    const answer = this.#server.script({ name, body, session });
    if (answer === 'ignore') return;
    if (typeof answer === 'object') this.#refuse(session, { id, name, body }, scripted(answer.error));
    else this.#handle(session, { id, name, body }, answer === 'loseReply');
  }

  #handle(session: MemorySession, frame: Required<CommandFrame> & { name: CommandName }, loseReply: boolean): void {
    const { id, name, body } = frame;
    try {
      const reply = (commands[name] as Handler)(this.#server, session, body);
      if (!loseReply && session.socket.isOpen)
        this.#sessions.write(session, { kind: 'reply', name, id, body: reply }, encodeReply(name, id, reply));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#refuse(session, { id, name, body }, error.body);
      if (error.closeCode !== undefined) session.socket.closeFromServer(error.closeCode, error.message);
    }
  }

  #refuse(session: MemorySession, { id, name, body }: CommandFrame, error: ErrorBody): void {
    if (name === 'auth' && !session.user) session.refused = true;
    if (name === 'message:send' && error.retryable) session.blocked.add(String(body.conversationId));
    this.#sessions.write(session, { kind: 'error', name: name ?? 'unknown', id, body: error }, encodeError(id, error));
  }

  #violated(session: MemorySession, frame: CommandFrame, code: ErrorCode): void {
    this.#server.violations.push(`${session.id} ${session.userId ?? '?'}: ${code} for ${frame.name ?? 'an unknown op'}`);
    const { id, name = 'unknown' } = frame;
    const error = new Refusal(code).body;
    this.#sessions.write(session, { kind: 'error', name, id, body: error }, encodeError(id, error));
  }

  #badFrame(session: MemorySession): void {
    const now = this.#server.clock.now();
    this.#violated(session, { id: 0, name: undefined, body: {} }, 'BAD_FRAME');
    session.badFramesMs = [...session.badFramesMs.filter((atMs) => now - atMs < limits.badFrameWindowMs), now];
    if (session.badFramesMs.length >= limits.badFramesToClose) session.socket.closeFromServer(4400, 'bad frames');
  }
}

function read(bytes: Uint8Array): CommandFrame | undefined {
  try {
    return decodeCommand(bytes);
  } catch {
    return undefined;
  }
}

function scripted(error: Partial<ErrorBody> & { code: string }): ErrorBody {
  const known = errorCodes[error.code as ErrorCode];
  return { message: known?.meaning ?? error.code, retryable: known?.retryable ?? false, ...error };
}
