// One authenticated session of the load generator: cold requests as promises, sends and pushes on a path without
// allocation. Request ids from `firstSendId` up are sends; each must be acked exactly once.

import { encodeCommand, unpack } from '../../protocol/codec.ts';
import type { CommandInput, CommandName, CommandOutput } from '../../protocol/index.ts';
import { errorKind, errorSlots, fromTuple, pushOps, replyKind, replySlots } from '../../protocol/index.ts';
import { AckBook } from './ack-book.ts';
import { Arrivals } from './arrivals.ts';
import { Connection, type Target } from './connection.ts';
import { clientFrame } from './frames.ts';
import { MessageTemplate } from './message-template.ts';
import { textStart, uintAt, uintSize } from './pack-reader.ts';

/** What a running load wants to hear of its sessions. */
export interface SessionListener {
  /** @param sentAtMs performance.now() of the send. */
  onAck(session: Session, sentAtMs: number): void;
  onDelivery(session: Session): void;
  onReadEnd(session: Session): void;
}

/** A power of two above any number of sends in flight. */
const ring = 1_024;
const firstSendId = 100_000;

interface Waiting {
  name: CommandName;
  resolve: (body: never) => void;
  reject: (error: Error) => void;
}

export class Session {
  listener: SessionListener | undefined;
  arrivals: Arrivals | undefined;
  readonly acks = new AckBook();
  /** Acks for nothing, refused sends, a lost connection: each is a fault of the run. */
  readonly faults: string[] = [];
  template: MessageTemplate | undefined;
  readonly closed: Promise<void>;
  readonly #resolveClosed: () => void;
  conversationId = '';
  readonly #connection: Connection;
  readonly #waiting = new Map<number, Waiting>();
  readonly #inFlight = new Uint32Array(ring);
  readonly #sentAtMs = new Float64Array(ring);
  #nextRequestId = 1;
  #nextSendId = firstSendId;
  #closing = false;
  #ended = false;

  constructor(target: Target) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#connection = new Connection(target, this);
  }

  get opened(): Promise<void> {
    return this.#connection.opened;
  }

  get sent(): number {
    return this.#nextSendId - firstSendId;
  }

  hasSent(requestId: number): boolean {
    return requestId >= firstSendId && requestId < this.#nextSendId;
  }

  request<N extends CommandName>(name: N, body: CommandInput<N>): Promise<CommandOutput<N>> {
    const id = this.#nextRequestId++;
    const { promise, resolve, reject } = Promise.withResolvers<CommandOutput<N>>();
    if (this.#ended) reject(new Error(`${name} on a closed connection`));
    this.#waiting.set(id, { name, resolve, reject });
    this.#connection.write(clientFrame(encodeCommand(name, id, body)));
    return promise;
  }

  /** Joins at the newest entry; every push from there on is checked. */
  async join(conversationId: string): Promise<void> {
    this.conversationId = conversationId;
    await this.request('join:conversation', { conversationId });
  }

  /** Prepares sends to that conversation; once, so that all its messages are known by one prefix. */
  aimAt(conversationId: string, text: string): void {
    this.conversationId = conversationId;
    this.template ??= new MessageTemplate(conversationId, text);
  }

  /** Sends so many messages in one write. */
  send(count: number, nowMs: number): void {
    const template = this.template as MessageTemplate;
    const frames = Buffer.allocUnsafe(template.frameBytes * count);
    for (let i = 0; i < count; i++) {
      const id = this.#nextSendId++;
      const slot = id % ring;
      if (this.#inFlight[slot] !== 0) this.faults.push(`send ${this.#inFlight[slot]} was never acked`);
      this.#inFlight[slot] = id;
      this.#sentAtMs[slot] = nowMs;
      template.writeTo(frames, i * template.frameBytes, id);
    }
    this.#connection.write(frames);
  }

  end(): void {
    this.#closing = true;
    this.#connection.end();
  }

  destroy(): void {
    this.#closing = true;
    this.#connection.destroy();
  }

  onFrame(bytes: Buffer, start: number, end: number): void {
    const kind = bytes[start + 1] as number;
    if (kind === pushOps['message:new']) this.#onMessage(bytes, start + 2);
    else if (kind === replyKind || kind === errorKind) this.#onReply(kind, bytes, start, end);
  }

  onReadEnd(): void {
    this.listener?.onReadEnd(this);
  }

  onClosed(code: number): void {
    this.#resolveClosed();
    this.#ended = true;
    if (!this.#closing) this.faults.push(`connection closed with ${code}`);
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(`connection closed with ${code}`));
    this.#waiting.clear();
  }

  #onMessage(bytes: Buffer, at: number): void {
    if (this.arrivals === undefined) return;
    this.arrivals.take(bytes, at);
    this.listener?.onDelivery(this);
  }

  #onReply(kind: number, bytes: Buffer, start: number, end: number): void {
    const requestId = uintAt(bytes, start + 2);
    if (requestId >= firstSendId && kind === replyKind) this.#onAck(requestId, bytes, start + 2 + uintSize(bytes, start + 2));
    else this.#onColdReply(requestId, unpack(bytes.subarray(start, end)) as [number, number, unknown[]]);
  }

  #onAck(requestId: number, bytes: Buffer, at: number): void {
    const slot = requestId % ring;
    if (this.#inFlight[slot] !== requestId) {
      this.faults.push(`ack for request ${requestId}, which is not in flight`);
      return;
    }
    this.#inFlight[slot] = 0;
    const idAt = textStart(bytes, at + 1);
    this.acks.add(requestId, uintAt(bytes, idAt + 36), bytes, idAt);
    this.listener?.onAck(this, this.#sentAtMs[slot] as number);
  }

  #onColdReply(requestId: number, [kind, , slots]: [number, number, unknown[]]): void {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    if (kind === replyKind && waiting) {
      const body = fromTuple(replySlots[waiting.name], slots ?? []);
      // Here and not behind an await: the first push may stand in the same read.
      if (waiting.name === 'join:conversation') this.arrivals = new Arrivals(body.head as number);
      waiting.resolve(body as never);
    } else if (kind === replyKind) this.faults.push(`reply to request ${requestId}, which was not asked`);
    else {
      const { code, message } = fromTuple(errorSlots, slots);
      const error = new Error(`${waiting?.name ?? 'message:send'} refused: ${code} ${message}`);
      if (waiting) waiting.reject(error);
      else this.faults.push(error.message);
    }
  }
}
