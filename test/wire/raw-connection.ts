// A WebSocket connection framed by hand, and upgrades by plain HTTP: what a WebSocket library would not send or tell.

import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { subprotocol } from '../../protocol/index.ts';
import type { ConnectOptions } from '../support/frame-client.ts';

export interface UpgradeAnswer {
  status: number;
  body: string;
  protocol: string | undefined;
}

/** Asks for an upgrade with plain HTTP and tells the status; 101 is closed at once. */
export function upgrade(
  url: string,
  { path = '/app', headers = {}, protocols = [subprotocol] }: ConnectOptions = {},
): Promise<UpgradeAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      hostname,
      port,
      path,
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        ...(protocols.length > 0 ? { 'sec-websocket-protocol': protocols.join(', ') } : {}),
        ...headers,
      },
    });
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: 101, body: '', protocol: response.headers['sec-websocket-protocol'] });
    });
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), protocol: undefined }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/**
 * Asks for an upgrade behind a PROXY protocol v2 header that names an IPv4 client, as a TCP load balancer sends it.
 * @returns the status of the answer
 */
export function upgradeBehindProxy(url: string, client: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
  const addresses = Buffer.from([...client.split('.').map(Number), 127, 0, 0, 1, 0x11, 0x22, 0x0b, 0xb9]);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    socket.once('error', reject);
    socket.write(Buffer.concat([signature, Buffer.of(0x21, 0x11, 0, addresses.length), addresses]));
    socket.write(upgradeRequest(hostname, port, '/app'));
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(Number(answer.toString().split(' ')[1]));
    });
  });
}

const upgradeRequest = (hostname: string, port: string, path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`;

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export class RawConnection {
  /** Resolves when the connection is gone, with the close code if a close frame came, else 1006. */
  readonly closed: Promise<number>;
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #closeCode = 1006;
  #watchers = new Set<() => void>();
  /** Payloads of the data frames so far. */
  readonly frames: Buffer[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve(this.#closeCode));
    });
    socket.on('error', () => {});
  }

  static connect(url: string, path = '/app'): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      const raw = new RawConnection(socket);
      socket.once('error', reject);
      socket.write(upgradeRequest(hostname, port, path));
      socket.on('data', (chunk) => {
        raw.#received = Buffer.concat([raw.#received, chunk]);
        const end = raw.#received.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!raw.#received.subarray(0, 12).toString().endsWith('101')) reject(new Error(raw.#received.toString()));
        raw.#received = raw.#received.subarray(end + 4);
        socket.removeAllListeners('data');
        socket.on('data', (more) => raw.#take(more));
        raw.#take(Buffer.alloc(0));
        resolve(raw);
      });
    });
  }

  /** One frame; masked, final and with its true length unless said otherwise. */
  frame(opcode: number, payload: Uint8Array, { final = true, masked = true, length = payload.length } = {}): void {
    const head = Buffer.alloc(14);
    head[0] = (final ? 0x80 : 0) | opcode;
    let size = 2;
    if (length < 126) head[1] = length;
    else if (length < 65_536) {
      head[1] = 126;
      size = head.writeUInt16BE(length, 2);
    } else {
      head[1] = 127;
      size = head.writeBigUInt64BE(BigInt(length), 2);
    }
    if (masked) head[1] = (head[1] as number) | 0x80;
    const mask = randomBytes(4);
    const body = masked ? payload.map((byte, i) => byte ^ (mask[i & 3] as number)) : payload;
    this.write(Buffer.concat([head.subarray(0, size), masked ? mask : Buffer.alloc(0), body]));
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Reads no more: what the server sends fills the buffers between us. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves when so many data frames have come, or the connection is gone. */
  async arrived(count: number): Promise<void> {
    if (this.frames.length >= count || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const watch = () => {
        if (this.frames.length < count && !this.#socket.destroyed) return;
        this.#watchers.delete(watch);
        resolve();
      };
      this.#watchers.add(watch);
      void this.closed.then(() => resolve());
    });
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (let frame = serverFrame(this.#received); frame; frame = serverFrame(this.#received)) {
      this.#received = this.#received.subarray(frame.end);
      if (frame.opcode === opcodes.close) this.#closeCode = frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005;
      else if (frame.opcode === opcodes.ping) this.frame(opcodes.pong, frame.payload);
      else if (frame.opcode !== opcodes.pong) this.frames.push(Buffer.from(frame.payload));
    }
    for (const watch of this.#watchers) watch();
  }
}

/** The first frame in the bytes of a server, which are never masked or in pieces; undefined when it is not whole yet. */
function serverFrame(bytes: Buffer): { opcode: number; payload: Buffer; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  let length = (bytes[1] as number) & 0x7f;
  let start = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    start = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    start = 10;
  }
  const end = start + length;
  return bytes.length < end ? undefined : { opcode: (bytes[0] as number) & 0x0f, payload: bytes.subarray(start, end), end };
}
