// The least that can be done with the same frames on the same libraries: what utalk is measured against. No token check,
// no validation, no access, no dedup, no numbering that survives. Usage: node bench/ceiling-server.ts store|raw
//
// store: one INSERT … SELECT FROM unnest into one plain table at a time, of all that came while the last one ran; after its
//        commit the acks, and one publish per message to the conversation's topic. Needs DATABASE_URL.
// raw:   no database. Each send is answered in the same turn of the loop: app.publish of bytes that were encoded beforehand,
//        and an ack.

import { randomUUID } from 'node:crypto';
import { pack, unpack } from '../protocol/codec.ts';
import { commandOps, limits, pushOps, replyKind } from '../protocol/index.ts';
import { loadUws, type NativeSocket } from '../server/edge/uws.ts';
import { textEnd, textStart, uintAt, uintSize } from './load/pack-reader.ts';
import { PlainTable } from './systems/plain-table.ts';

type Client = NativeSocket<object>;

interface Ack {
  client: Client;
  requestId: number;
  conversationId: string;
  seq: number;
  id: string;
}

interface Send extends Ack {
  messageId: string;
  text: string;
}

const sentAt = Date.now();
const native = await loadUws();
const app = native.App();
const heads = new Map<string, number>();
const table = process.argv[2] === 'store' ? await PlainTable.open(process.env.DATABASE_URL ?? '') : undefined;
const receive = table ? storing(table) : publishingAtOnce();

app.ws<object>('/*', {
  maxPayloadLength: limits.cutFrameBytes,
  idleTimeout: 60,
  maxBackpressure: 16_777_216,
  closeOnBackpressureLimit: false,
  sendPingsAutomatically: true,
  maxLifetime: 0,
  compression: native.DISABLED,
  upgrade: (response, request, context) => {
    const key = request.getHeader('sec-websocket-key');
    const extensions = request.getHeader('sec-websocket-extensions');
    response.upgrade({}, key, request.getHeader('sec-websocket-protocol'), extensions, context);
  },
  open: () => {},
  message: (client, message) => {
    const bytes = Buffer.from(message);
    if (bytes[1] === commandOps['message:send']) receive(client, bytes);
    else answer(client, bytes);
  },
  dropped: () => {},
  close: () => {},
});
app.listen('127.0.0.1', 0, native.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
  if (socket === false) throw new Error('no free port');
  console.log(`ws://127.0.0.1:${native.us_socket_local_port(socket)}/`);
});
process.on('SIGTERM', () => process.exit());
process.on('disconnect', () => process.exit());

/** Everything but a send: a join subscribes, all else is accepted as it is. */
function answer(client: Client, bytes: Buffer): void {
  const [op, requestId, body] = unpack(bytes) as [number, number, string[]];
  if (op !== commandOps['join:conversation']) return void client.send(pack([replyKind, requestId, []]), true);
  const conversationId = body[0] as string;
  client.subscribe(conversationId);
  client.send(pack([replyKind, requestId, [null, heads.get(conversationId) ?? 0]]), true);
}

function nextSeq(conversationId: string): number {
  const seq = (heads.get(conversationId) ?? 0) + 1;
  heads.set(conversationId, seq);
  return seq;
}

function storing(plain: PlainTable): (client: Client, bytes: Buffer) => void {
  let waiting: Send[] = [];
  let busy = false;
  const flush = async () => {
    busy = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await plain.insert(batch);
      for (const send of batch) app.publish(send.conversationId, newMessage(send), true);
      acknowledge(batch);
    }
    busy = false;
  };
  return (client, bytes) => {
    const [, requestId, [conversationId, messageId, , text]] = unpack(bytes) as [number, number, [string, string, string, string]];
    waiting.push({ client, requestId, conversationId, seq: nextSeq(conversationId), id: randomUUID(), messageId, text });
    if (!busy) void flush();
  };
}

function newMessage({ conversationId, seq, id, messageId, text }: Omit<Send, 'client' | 'requestId'>): Buffer {
  const entry = [conversationId, seq, id, messageId, 'text', 'somebody', 'customer', 'inbound', 'sent', sentAt, text];
  return pack([pushOps['message:new'], entry]);
}

/** All acks of one socket in one write. */
function acknowledge(batch: readonly Ack[]): void {
  for (const [client, sends] of Map.groupBy(batch, (send) => send.client)) {
    client.cork(() => {
      for (const { requestId, id, seq } of sends) client.send(pack([replyKind, requestId, [id, seq, 'sent', sentAt]]), true);
    });
  }
}

/** Not from inside the message callback: its socket is corked, and more than 32 publishes would write one by one then. */
function publishingAtOnce(): (client: Client, bytes: Buffer) => void {
  const encoded = new Map<string, { frame: Buffer; seqAt: number }>();
  const id = randomUUID();
  let waiting: Ack[] = [];
  const flush = () => {
    const batch = waiting;
    waiting = [];
    for (const { conversationId, seq } of batch) {
      const message = encoded.get(conversationId) ?? encodeAhead(conversationId, id);
      encoded.set(conversationId, message);
      message.frame.writeUInt32BE(seq, message.seqAt);
      app.publish(conversationId, message.frame, true);
    }
    acknowledge(batch);
  };
  return (client, bytes) => {
    const conversationHead = 2 + uintSize(bytes, 2) + 1;
    const start = textStart(bytes, conversationHead);
    const conversationId = bytes.toString('latin1', start, textEnd(bytes, conversationHead, start));
    waiting.push({ client, requestId: uintAt(bytes, 2), conversationId, seq: nextSeq(conversationId), id });
    if (waiting.length === 1) setImmediate(flush);
  };
}

function encodeAhead(conversationId: string, id: string): { frame: Buffer; seqAt: number } {
  const frame = newMessage({ conversationId, seq: 0xffff_ffff, id, messageId: id, text: 'x'.repeat(100) });
  return { frame, seqAt: frame.indexOf('ceffffffff', 0, 'hex') + 1 };
}
