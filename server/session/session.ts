// One connection as the server sees it: identity, state, joined conversations. It knows no command.
//
// State goes opening → authenticating → live → closed, and only forward. Everything here changes synchronously; what happens
// between two awaits of a command is checked again by the one who awaited (`isLive`, `holds`).

import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { encodePush } from '../../protocol/codec.ts';
import { type CloseCode, type CommandName, limits, type Path, type PushBody, type PushName } from '../../protocol/index.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Identity, TokenClaims } from '../domain/identity.ts';
import { conversationTopic } from '../domain/topics.ts';
import type { Key } from '../store/store.ts';
import { Outbox, type OutboxTicker } from './outbox.ts';
import { frameRate, type RateName, type Refused, TokenBucket, type UserLimits } from './rate-limit.ts';
import { SendOrder } from './send-order.ts';
import type { Socket } from './socket.ts';
import { Turns } from './turns.ts';

export type SessionState = 'opening' | 'authenticating' | 'live' | 'closed';

export interface SessionOptions {
  socket: Socket;
  path: Path;
  ticker: OutboxTicker;
  delivery: Delivery;
  log: Logger;
  /** A token that came with the upgrade. */
  token?: string;
  /** Whether frames are counted (not in the bench profile). */
  limited: boolean;
}

/** A joined conversation. */
export interface Grant {
  conversationId: string;
  confirmedAt: number;
}

/** More refused frames than this within the window are a flood. */
const floodedFrames = 200;
const floodWindowMs = 10_000;
/** Names of channels are free text: a session that meets ever more of them follows the first ones. */
const maxChannels = 32;

export class Session {
  readonly id = randomUUID();
  readonly path: Path;
  readonly openedAtMs = Date.now();
  readonly turns = new Turns();
  readonly sendOrder = new SendOrder();
  readonly upgradeToken: string | undefined;
  state: SessionState = 'opening';
  identity: Identity | undefined;
  tokenExpiresAtMs = 0;
  /** Both decide whether an expulsion concerns this session: `iat` of its token, and the user's rights when it was admitted. */
  tokenIssuedAtMs = 0;
  rights = 0;
  /** Among the user's sessions under policy single: the highest one stays. Undefined until the store has given it. */
  number: number | undefined;
  /** How far the end of the token has been announced. */
  expiry: 'valid' | 'expiring' | 'expired' = 'valid';
  /** When the registry's sweep must look at this session again. */
  deadlineMs = this.openedAtMs + limits.authTimeoutMs;
  limits: UserLimits | undefined;
  /** Run once when the socket is gone. */
  onClosed: () => void = () => {};

  readonly #log: Logger;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #delivery: Delivery;
  readonly #joined = new Map<Key, Grant>();
  readonly #topics = new Set<string>();
  readonly #badFrameTimes: number[] = [];
  readonly #limited: boolean;
  #frames: TokenBucket;
  #refusedSinceMs = 0;
  #refusedFrames = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #inbox: Key | undefined;
  #channels = 0;

  constructor(options: SessionOptions) {
    this.path = options.path;
    this.upgradeToken = options.token;
    this.#log = options.log;
    this.#socket = options.socket;
    this.#delivery = options.delivery;
    this.#limited = options.limited;
    this.#outbox = new Outbox(options.socket, options.ticker);
    this.#frames = new TokenBucket(frameRate(undefined), this.openedAtMs);
  }

  get isLive(): boolean {
    return this.state === 'live';
  }

  get address(): string {
    return this.#socket.address;
  }

  /** Makes the session live. `identity` stays the same user and tenant for its whole life. */
  authenticated(identity: Identity, claims: TokenClaims): void {
    this.state = 'live';
    this.identity = identity;
    this.tokenExpiresAtMs = claims.expiresAtMs;
    this.#frames = new TokenBucket(frameRate(identity.role), Date.now());
  }

  /** Sends a frame after the others of this turn of the loop. */
  send(frame: Uint8Array): void {
    if (this.state !== 'closed') this.#outbox.push(frame);
  }

  push<N extends PushName>(name: N, body: PushBody<N>): void {
    this.send(encodePush(name, body));
  }

  /** Sends what is waiting, then closes. Nothing is sent or received afterwards. */
  end(code: CloseCode, reason: string): void {
    if (this.state === 'closed') return;
    this.#outbox.flush();
    this.closed();
    this.#socket.end(code, reason);
  }

  /** The socket is gone, or is about to be: gives every grant back. */
  closed(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#waiting = [];
    for (const key of this.#joined.keys()) this.#delivery.close(key);
    this.onClosed();
    this.#joined.clear();
    if (this.#inbox !== undefined) this.#delivery.close(this.#inbox);
  }

  subscribe(topic: string): void {
    if (this.state === 'closed' || this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.#socket.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (this.#topics.delete(topic) && this.state !== 'closed') this.#socket.unsubscribe(topic);
  }

  /** Subscribes to the events of a channel until the end of the session. */
  follow(channelTopic: string): void {
    if (this.#topics.has(channelTopic) || this.#channels >= maxChannels) return;
    this.#channels++;
    this.subscribe(channelTopic);
  }

  /** Takes an inbox that was opened in delivery for this session, to close it at the end. */
  ownInbox(inbox: Key): void {
    this.#inbox = inbox;
  }

  /** Registers a conversation before it is checked in the store; false when the session has no room for it. */
  grant(conversation: Key, conversationId: string): boolean {
    if (this.state === 'closed') return false;
    if (this.#joined.has(conversation)) return true;
    if (this.#joined.size >= limits.joinedConversations[this.identity?.role ?? 'customer']) return false;
    this.#joined.set(conversation, { conversationId, confirmedAt: 0 });
    this.#delivery.open(conversation, conversationId, conversationTopic(conversation));
    this.subscribe(conversationTopic(conversation));
    return true;
  }

  holds(conversation: Key): boolean {
    return this.#joined.has(conversation);
  }

  revoke(conversation: Key): void {
    if (!this.#joined.delete(conversation)) return;
    this.unsubscribe(conversationTopic(conversation));
    this.#delivery.close(conversation);
  }

  /** The store has found the grant right, and has seen the log up to this head. */
  confirm(conversation: Key, head: number): void {
    const grant = this.#joined.get(conversation);
    if (grant) grant.confirmedAt = Math.max(grant.confirmedAt, head);
  }

  /** Head at which the grant was found right last; 0 before the first read. */
  confirmedAt(conversation: Key): number {
    return this.#joined.get(conversation)?.confirmedAt ?? 0;
  }

  get joined(): ReadonlyMap<Key, Readonly<Grant>> {
    return this.#joined;
  }

  /** Keeps a frame that came behind `auth`; false when there is no room. The bytes are copied. */
  keepWaiting(bytes: Uint8Array): boolean {
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length >= limits.maxFramesBeforeAuth || this.#waitingBytes > limits.maxBytesBeforeAuth) return false;
    this.#waiting.push(Uint8Array.from(bytes));
    return true;
  }

  takeWaiting(): Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return waiting;
  }

  /** Counts a malformed frame; true when it is one too many. */
  countBadFrame(nowMs: number): boolean {
    const times = this.#badFrameTimes;
    times.push(nowMs);
    if (times.length > limits.badFramesToClose) times.shift();
    return times.length === limits.badFramesToClose && nowMs - (times[0] as number) <= limits.badFrameWindowMs;
  }

  /** Counts a frame against the session's budget; `flooding` when it has gone on for too long. */
  countFrame(nowMs: number): Refused | 'flooding' | undefined {
    if (!this.#limited) return undefined;
    const refused = this.#frames.take(nowMs);
    if (!refused) return undefined;
    if (nowMs - this.#refusedSinceMs >= floodWindowMs) {
      this.#refusedSinceMs = nowMs;
      this.#refusedFrames = 0;
    }
    return ++this.#refusedFrames > floodedFrames ? 'flooding' : refused;
  }

  /** Counts a command against the user's rates. */
  countCommand(name: RateName, nowMs: number): Refused | undefined {
    return this.limits?.take(name, nowMs);
  }

  /** Made only when something is to be said: a logger a session would cost more memory than all the rest of it. */
  get log(): Logger {
    return this.#log.child({ sessionId: this.id, path: this.path });
  }

  commandLog(command: CommandName | string, requestId: number): Logger {
    return this.log.child({ command, requestId, user: this.identity?.userId });
  }
}
