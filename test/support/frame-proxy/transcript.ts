// What the messages of one connection say, by the tables of the protocol: which command, which answer to what, which push.

import { decodeCommand, unpack } from '../../../protocol/codec.ts';
import { type CommandName, commandNames, errorKind, type PushName, pushNames, replyKind } from '../../../protocol/index.ts';
import { commandSlots, errorSlots, pushSlots, replySlots } from '../../../protocol/slots.ts';
import { fromTuple } from '../../../protocol/tuples.ts';

type Body = Readonly<Record<string, unknown>>;

/** One frame of the protocol. */
export interface WireFrame {
  /** Of the connection; the proxy counts them from 1. */
  readonly connection: number;
  readonly from: 'client' | 'server';
  readonly kind: 'command' | 'reply' | 'error' | 'push';
  /** Of a reply or an error: that of the command it answers. */
  readonly name: CommandName | PushName | 'unknown';
  /** The request id; absent for pushes. */
  readonly id?: number;
  readonly body: Body;
  /** Of a reply or an error: the body of the command it answers. */
  readonly asked?: Body;
}

export class Transcript {
  readonly #connection: number;
  readonly #asked = new Map<number, { name: CommandName; body: Body }>();

  constructor(connection: number) {
    this.#connection = connection;
  }

  /** @throws BadFrame for bytes that are no command */
  fromClient(bytes: Uint8Array): WireFrame {
    const { op, id, slots } = decodeCommand(bytes);
    const name = commandNames.get(op);
    const body = name ? fromTuple(commandSlots[name], slots) : {};
    if (name) this.#asked.set(id, { name, body });
    return { connection: this.#connection, from: 'client', kind: 'command', name: name ?? 'unknown', id, body };
  }

  /** @throws Error for bytes that are no MessagePack */
  fromServer(bytes: Uint8Array): WireFrame {
    const [op, second, third] = unpack(bytes) as [number, unknown, unknown[]];
    const head = { connection: this.#connection, from: 'server' } as const;
    if (op !== replyKind && op !== errorKind) {
      const name = pushNames.get(op);
      return { ...head, kind: 'push', name: name ?? 'unknown', body: name ? fromTuple(pushSlots[name], second as unknown[]) : {} };
    }
    const id = second as number;
    const asked = this.#asked.get(id);
    const slots = op === errorKind ? errorSlots : asked ? replySlots[asked.name] : [];
    const kind = op === errorKind ? 'error' : 'reply';
    return { ...head, kind, name: asked?.name ?? 'unknown', id, body: fromTuple(slots, third), asked: asked?.body };
  }
}
