// One WebSocket connection on a bare TCP socket. All connections of the process read into one shared buffer and look at
// frames there; only a frame cut by the end of a read is copied. A frame's bytes are valid during `onFrame` alone.

import { randomBytes } from 'node:crypto';
import { isIP, type OnReadOpts, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { subprotocol } from '../../protocol/index.ts';
import { clientFrame, headerSize, opcodes, payloadSize } from './frames.ts';

export interface Target {
  host: string;
  port: number;
  path: string;
  secure: boolean;
}

export interface ConnectionListener {
  /** A binary message, from `start` to `end` in `bytes`. */
  onFrame(bytes: Buffer, start: number, end: number): void;
  /** All frames of one read were handed over: the moment to write. */
  onReadEnd(): void;
  /** @param code of the close frame, 1006 without one. */
  onClosed(code: number): void;
}

const shared = Buffer.allocUnsafeSlow(262_144);

export class Connection {
  /** Resolves after the 101, rejects when the server answers otherwise or cuts. */
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  #handshake: string | undefined = '';
  #cut: Buffer = Buffer.alloc(0);
  #cutLength = 0;
  #closeCode = 1006;

  constructor(target: Target, listener: ConnectionListener) {
    this.#listener = listener;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.opened = promise;
    this.#socket = openSocket(target, { buffer: shared, callback: (length) => this.#read(length, resolve, reject) });
    this.#socket.once(target.secure ? 'secureConnect' : 'connect', () => this.#socket.write(upgradeRequest(target)));
    this.#socket.on('error', reject);
    this.#socket.on('close', () => {
      reject(new Error(`closed with ${this.#closeCode} before the upgrade`));
      listener.onClosed(this.#closeCode);
    });
  }

  /** Sends bytes that already are frames. They must not change afterwards. */
  write(frames: Buffer): void {
    this.#socket.write(frames);
  }

  /** Sends a close frame and lets the server end the connection. */
  end(code = 1000): void {
    if (this.#socket.destroyed) return;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#socket.write(clientFrame(payload, opcodes.close));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(length: number, resolve: () => void, reject: (error: Error) => void): boolean {
    if (this.#handshake === undefined) {
      this.#consume(0, length);
      return true;
    }
    const before = this.#handshake.length;
    this.#handshake += shared.toString('latin1', 0, length);
    const end = this.#handshake.indexOf('\r\n\r\n');
    if (end < 0) return true;
    if (!this.#handshake.startsWith('HTTP/1.1 101')) {
      reject(new Error(`upgrade refused: ${this.#handshake.slice(0, this.#handshake.indexOf('\r\n'))}`));
      this.#socket.destroy();
      return true;
    }
    this.#handshake = undefined;
    resolve();
    this.#consume(end + 4 - before, length);
    return true;
  }

  #consume(start: number, end: number): void {
    let at = start;
    while (this.#cutLength > 0 && at < end) at = this.#completeCut(at, end);
    while (at < end) {
      const header = headerSize(shared, at, end);
      const size = header === 0 ? 0 : header + payloadSize(shared, at, header);
      if (size === 0 || at + size > end) {
        this.#keep(at, end);
        break;
      }
      this.#dispatch(shared, at, at + header, at + size);
      at += size;
    }
    this.#listener.onReadEnd();
  }

  /** Adds what the frame begun in an earlier read still lacks; hands it over when it is whole. Returns the new position. */
  #completeCut(at: number, end: number): number {
    const header = headerSize(this.#cut, 0, this.#cutLength);
    const size = header === 0 ? this.#cutLength + 1 : header + payloadSize(this.#cut, 0, header);
    const taken = Math.min(size - this.#cutLength, end - at);
    this.#keep(at, at + taken);
    if (header > 0 && this.#cutLength === size) {
      this.#cutLength = 0;
      this.#dispatch(this.#cut, 0, header, size);
    }
    return at + taken;
  }

  #keep(from: number, to: number): void {
    const needed = this.#cutLength + to - from;
    if (needed > this.#cut.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1_024, needed * 2));
      this.#cut.copy(grown, 0, 0, this.#cutLength);
      this.#cut = grown;
    }
    shared.copy(this.#cut, this.#cutLength, from, to);
    this.#cutLength = needed;
  }

  #dispatch(bytes: Buffer, at: number, start: number, end: number): void {
    const opcode = (bytes[at] as number) & 0x0f;
    if (opcode === opcodes.binary) this.#listener.onFrame(bytes, start, end);
    else if (opcode === opcodes.ping) this.write(clientFrame(bytes.subarray(start, end), opcodes.pong));
    else if (opcode === opcodes.close) {
      if (end - start >= 2) this.#closeCode = bytes.readUInt16BE(start);
      this.#socket.end(clientFrame(bytes.subarray(start, end), opcodes.close));
    }
  }
}

function openSocket({ host, port, secure }: Target, onread: OnReadOpts): Socket {
  const options = { host, port, noDelay: true, onread };
  return secure ? tlsConnect({ ...options, servername: isIP(host) ? '' : host }) : tcpConnect(options);
}

function upgradeRequest(target: Target): string {
  return [
    `GET ${target.path} HTTP/1.1`,
    `Host: ${target.host}:${target.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    '\r\n',
  ].join('\r\n');
}
