// A session over a socket that remembers what it was told, for tests of what stands above sockets.

import { pino } from 'pino';
import { decodePush, unpack } from '../../../protocol/codec.ts';
import { pushNames, type Role } from '../../../protocol/index.ts';
import type { Announce } from '../../../server/domain/announce.ts';
import { Delivery } from '../../../server/domain/delivery.ts';
import type { Identity } from '../../../server/domain/identity.ts';
import { OutboxTicker } from '../../../server/session/outbox.ts';
import { Session, type SessionOptions } from '../../../server/session/session.ts';
import type { Socket } from '../../../server/session/socket.ts';
import type { Key } from '../../../server/store/store.ts';

export class RecordingSocket implements Socket {
  readonly address = '192.0.2.1';
  /** Frames, and `cork(`, `)`, `subscribe x`, `unsubscribe x`, `end code reason` between them. */
  readonly calls: (Uint8Array | string)[] = [];
  readonly topics = new Set<string>();

  send(frame: Uint8Array): void {
    this.calls.push(Uint8Array.from(frame));
  }

  cork(write: () => void): void {
    this.calls.push('cork(');
    write();
    this.calls.push(')');
  }

  end(code: number, reason: string): void {
    this.calls.push(`end ${code} ${reason}`);
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  bufferedBytes(): number {
    return 0;
  }

  get frames(): Uint8Array[] {
    return this.calls.filter((call) => typeof call !== 'string');
  }

  /** Names of the pushes, and codes of the ends, in order. */
  get told(): string[] {
    return this.calls.flatMap((call) => {
      if (typeof call !== 'string') return [pushNames.get((unpack(call) as [number])[0]) ?? 'reply'];
      return call.startsWith('end') ? [call.slice(0, 8)] : [];
    });
  }

  pushed(name: 'sync:required' | 'token:expiring' | 'token:expired'): Record<string, unknown>[] {
    return this.frames
      .filter((frame) => pushNames.get((unpack(frame) as [number])[0]) === name)
      .map((frame) => decodePush(name, frame) as Record<string, unknown>);
  }
}

export const log = pino({ level: 'silent' });

/** A node that nobody can hear. */
export const alone: Announce = { remote: false, tell: () => {} };

export function newDelivery(): Delivery {
  return new Delivery({
    store: { readAfter: () => new Promise(() => {}) },
    topics: { publish: () => {} },
    log,
    onUnorderedChange: () => {},
    onMembersChanged: () => {},
    changeOf: () => undefined,
    onLateChange: () => {},
    onSkipped: () => {},
    onInterest: () => {},
  });
}

export interface Opened {
  session: Session;
  socket: RecordingSocket;
  ticker: OutboxTicker;
  delivery: Delivery;
}

export function openSession(options: Partial<SessionOptions> = {}): Opened {
  const socket = new RecordingSocket();
  const ticker = new OutboxTicker();
  const delivery = options.delivery ?? newDelivery();
  return { session: new Session({ socket, path: '/app', ticker, delivery, log, limited: true, ...options }), socket, ticker, delivery };
}

export const identityOf = (key: Key, role: Role = 'customer'): Identity => ({
  key,
  inbox: 1_000 + key,
  tenantId: 't',
  userId: `u${key}`,
  workspaceId: 'w',
  name: `U ${key}`,
  role,
  rooms: [],
});

/** Makes a session live, with a token that ends at `expiresAtMs`. */
export function authenticate(session: Session, identity: Identity, expiresAtMs = Date.now() + 600_000): void {
  const { tenantId: tenant, userId: id, workspaceId: workspace, name, role, rooms } = identity;
  session.authenticated(identity, { tenant, id, workspace, name, role, rooms, expiresAtMs, issuedAtMs: Date.now() });
}
