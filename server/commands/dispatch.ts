// THE way in: bytes of one frame become a command, and its outcome a reply.
// scan and decode → state → rate → schema → rate of the cluster → guard → handle → reply. Every refusal leaves through `refuse`.
//
// `receive` is synchronous up to the first guard or handler that waits, and the bytes die when it returns.

import { BadFrame, commandBody, decodeCommand, encodeError, encodeReply, type RawCommand } from '../../protocol/codec.ts';
import type { ErrorBody } from '../../protocol/index.ts';
import { limits } from '../../protocol/index.ts';
import { type CommandName, commandNames, commandOps } from '../../protocol/ops.ts';
import { StaleAccess } from '../domain/membership.ts';
import { CommandError } from '../errors.ts';
import { type Refused, tooMany } from '../session/rate-limit.ts';
import type { Session } from '../session/session.ts';
import { StateUnavailable } from '../state/index.ts';
import { Execution } from './execution.ts';
import { requestIdOf } from './frame-head.ts';
import { isGuarded } from './guards.ts';
import { sendable } from './sendable.ts';
import { type CompiledRoute, offers, type RouteTable } from './table.ts';

export interface DispatchCounts {
  frames: number;
  badFrames: number;
  commands: Map<string, number>;
  errors: Map<string, number>;
}

export class Dispatch {
  readonly #table: RouteTable;
  readonly #handlerTimeoutMs: number;
  readonly counts: DispatchCounts = { frames: 0, badFrames: 0, commands: new Map(), errors: new Map() };
  /** While draining, late commands are refused with UNAVAILABLE. */
  draining = false;
  #inFlight = 0;

  constructor(table: RouteTable, handlerTimeoutMs: number) {
    this.#table = table;
    this.#handlerTimeoutMs = handlerTimeoutMs;
  }

  /** Takes one binary message of a session. Never throws. */
  receive(session: Session, bytes: Uint8Array): void {
    this.counts.frames++;
    if (session.state === 'authenticating') {
      if (!session.keepWaiting(bytes)) session.end(4429, 'too many frames behind auth');
      return;
    }
    const overBudget = session.countFrame(Date.now());
    if (overBudget === 'flooding') {
      session.end(4429, 'too many frames');
      return;
    }
    if (bytes.length > limits.maxFrameBytes) {
      this.#refuse(session, requestIdOf(bytes), new CommandError('TOO_LARGE', `a frame has at most ${limits.maxFrameBytes} bytes`));
      return;
    }
    let command: RawCommand;
    try {
      command = decodeCommand(bytes);
    } catch (error) {
      this.badFrame(session, error instanceof BadFrame ? error.message : 'undecodable frame', error instanceof BadFrame ? error.id : 0);
      return;
    }
    this.#run(session, command, overBudget);
  }

  /** Counts and answers a malformed frame; the third within ten seconds closes. */
  badFrame(session: Session, message: string, id = 0): void {
    this.counts.badFrames++;
    this.#refuse(session, id, new CommandError('BAD_FRAME', message));
    if (session.countBadFrame(Date.now())) session.end(4400, 'too many malformed frames');
  }

  #run(session: Session, { op, id, slots }: RawCommand, overBudget: Refused | undefined): void {
    const name = commandNames.get(op);
    const asked = name === undefined ? undefined : commandBody(name, slots);
    const place = session.sendOrder.nextPlace();
    try {
      if (!session.isLive && op !== commandOps.auth) throw new CommandError('NOT_AUTHENTICATED', 'send auth first');
      if (this.draining) throw new CommandError('UNAVAILABLE', 'the server is shutting down', { retryAfterMs: 1_000 });
      const { route, input } = name === 'call' ? this.#application(asked) : { route: this.#table.byOp.get(op), input: asked };
      const refused = overBudget ?? countCommand(session, name, asked, route);
      if (refused) throw tooMany(overBudget ? 'frames' : String(name), refused);
      if (!route || !offers(session.path, route)) throw new CommandError('UNKNOWN_COMMAND', `op ${op} is not offered here`);
      if (route.roles && !route.roles.includes(session.identity?.role ?? 'customer'))
        throw new CommandError('ACCESS_DENIED', 'not for this role');
      const fault = route.fault(input);
      if (fault) throw new CommandError('INVALID_BODY', fault);
      this.#start(session, id, place, name as CommandName, route, input);
    } catch (error) {
      this.#refuse(session, id, error, name, asked, place);
    }
  }

  #application(asked: unknown): { route: CompiledRoute | undefined; input: unknown } {
    const { name, body } = asked as { name?: unknown; body?: unknown };
    return { route: typeof name === 'string' ? this.#table.byName.get(name) : undefined, input: body ?? {} };
  }

  /** Guard and handler, in the turn of their conversation; then the reply. */
  #start(session: Session, id: number, place: number, name: CommandName, route: CompiledRoute, input: unknown): void {
    this.#inFlight++;
    const execution = new Execution({ session, requestId: id, place, route, input }, this.#table.services, (outcome) => {
      this.#inFlight--;
      if ('error' in outcome) this.#refuse(session, id, outcome.error, name, input, place);
      else this.#reply(session, id, name, outcome.value);
      if (name === 'auth' && session.isLive) for (const bytes of session.takeWaiting()) this.receive(session, bytes);
    });
    // Without code of the application a command waits for nothing but the store, which fails fast by itself.
    if (name === 'call' || isGuarded(name)) execution.startTimeout(this.#handlerTimeoutMs);
    const turn = route.turn?.(input as never);
    if (turn === undefined) void execution.begin();
    else session.turns.run(turn, () => execution.begin());
  }

  #reply(session: Session, id: number, name: CommandName, value: unknown): void {
    let frame: Uint8Array;
    try {
      frame = encodeReply(name, id, (name === 'call' ? { body: sendable(value) } : (value ?? {})) as never);
    } catch (error) {
      // What an application returns may be a Date or a circle, or throw when it is read.
      this.#refuse(session, id, error, name);
      return;
    }
    this.counts.commands.set(name, (this.counts.commands.get(name) ?? 0) + 1);
    session.send(frame);
  }

  /** The one exit of everything refused; what is no CommandError is a bug, and is logged here and nowhere else. */
  #refuse(session: Session, id: number, error: unknown, name?: CommandName, body?: unknown, place = 0): void {
    const known = told(error);
    const refusal =
      known instanceof CommandError ? known : new CommandError('INTERNAL', `internal error, request ${id} of session ${session.id}`);
    if (known !== refusal) session.commandLog(name ?? '?', id).error({ err: error }, 'a command failed');
    this.counts.errors.set(refusal.code, (this.counts.errors.get(refusal.code) ?? 0) + 1);
    const { code, message, retryable, retryAfterMs, details } = refusal;
    if (retryable && name === 'message:send') holdBack(session, body, place);
    session.send(encodeError(id, { code, message, retryable, retryAfterMs, details } satisfies ErrorBody));
  }

  /** Commands begun and not answered yet. */
  get inFlight(): number {
    return this.#inFlight;
  }
}

/** As CommandError where the client may hear of it. */
function told(error: unknown): unknown {
  if (error instanceof StaleAccess) return new CommandError('UNAVAILABLE', 'the conversation is changing', { retryAfterMs: 100 });
  if (error instanceof StateUnavailable)
    return new CommandError('UNAVAILABLE', 'the shared state cannot be reached', { retryAfterMs: 1_000 });
  return error;
}

/** Continuation pages of a sync have a rate of their own, and so may application commands; an unknown op takes nothing. */
function countCommand(
  session: Session,
  name: CommandName | undefined,
  asked: unknown,
  route: CompiledRoute | undefined,
): Refused | undefined {
  if (name === undefined) return undefined;
  const nowMs = Date.now();
  if (name === 'call' && route?.rateLimit) return session.limits?.takeOwn(route.name, route.rateLimit, nowMs);
  const isPage = name === 'sync:state' && (asked as { continuation?: unknown }).continuation === true;
  return session.countCommand(isPage ? 'sync:page' : name, nowMs);
}

/** A send that may be tried again holds back the sender's later ones in the conversation. The body may be unchecked. */
function holdBack(session: Session, body: unknown, place: number): void {
  const { conversationId } = body as { conversationId?: unknown };
  if (typeof conversationId !== 'string' || conversationId.length > limits.maxIdLength) return;
  if (!session.sendOrder.holdBack(conversationId, place)) session.end(1013, 'too many refused sends');
}
