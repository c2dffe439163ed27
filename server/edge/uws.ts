// The only importer of uWebSockets.js, with typings of our own: the package types constants as types, and lacks some functions
// that exist. A missing binary becomes a start error that says what to do.

import { StartError } from '../errors.ts';

export interface NativeSocket<D> {
  getUserData(): D;
  /** 1 sent, 0 buffered, 2 dropped. */
  send(frame: Uint8Array, isBinary: boolean, compress?: boolean): number;
  cork(write: () => void): void;
  end(code: number, reason: string): void;
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
}

export interface NativeRequest {
  getUrl(): string;
  getQuery(name: string): string | undefined;
  /** The first header of that name; there may be more. */
  getHeader(name: string): string;
  forEach(visit: (name: string, value: string) => void): void;
}

export interface NativeResponse {
  writeStatus(status: string): NativeResponse;
  writeHeader(name: string, value: string): NativeResponse;
  end(body?: string): void;
  upgrade<D>(data: D, key: string, protocol: string, extensions: string, context: unknown): void;
  onAborted(handler: () => void): void;
  cork(write: () => void): void;
  /** 4 or 16 bytes. */
  getRemoteAddress(): ArrayBuffer;
  /** Address of a PROXY v2 header; empty without. Any client can claim one: believe it from trusted peers only. */
  getProxiedRemoteAddress(): ArrayBuffer;
}

export interface WebSocketBehavior<D> {
  /** A longer message cuts the connection without a close frame. */
  maxPayloadLength: number;
  /** Seconds: 0, or 8 to 960. Anything else terminates the process. */
  idleTimeout: number;
  maxBackpressure: number;
  closeOnBackpressureLimit: boolean;
  sendPingsAutomatically: boolean;
  /** Minutes, at most 240; 0 is never. */
  maxLifetime: number;
  compression: number;
  upgrade(response: NativeResponse, request: NativeRequest, context: unknown): void;
  open(socket: NativeSocket<D>): void;
  /** The bytes are detached when this returns. */
  message(socket: NativeSocket<D>, message: ArrayBuffer, isBinary: boolean): void;
  /** Runs while native code iterates the subscriber: closing, publishing or unsubscribing in here crashes the process. */
  dropped(socket: NativeSocket<D>): void;
  close(socket: NativeSocket<D>, code: number, message: ArrayBuffer): void;
}

export interface NativeApp {
  ws<D>(pattern: string, behavior: WebSocketBehavior<D>): NativeApp;
  get(pattern: string, handler: (response: NativeResponse, request: NativeRequest) => void): NativeApp;
  any(pattern: string, handler: (response: NativeResponse, request: NativeRequest) => void): NativeApp;
  /** The callback gets false when the port could not be taken. */
  listen(host: string, port: number, options: number, done: (listenSocket: object | false) => void): NativeApp;
  publish(topic: string, frame: Uint8Array, isBinary: boolean): boolean;
  numSubscribers(topic: string): number;
  close(): void;
}

interface Native {
  App(): NativeApp;
  DISABLED: number;
  /** Without it SO_REUSEPORT is set, and a second server on the port silently takes a share of the connections. */
  LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  us_listen_socket_close(listenSocket: object): void;
  us_socket_local_port(listenSocket: object): number;
}

/**
 * Loads the native library.
 * @throws StartError when there is no binary for this Node version and platform
 */
export async function loadUws(): Promise<Native> {
  try {
    const loaded = (await import('uWebSockets.js')) as unknown as Native & { default?: Native };
    // Official builds are CommonJS, whose exports only show under `default`.
    return typeof loaded.App === 'function' ? loaded : (loaded.default as Native);
  } catch (error) {
    throw new StartError(
      `uWebSockets.js has no binary for Node ${process.version} (ABI ${process.versions.modules}) on ${process.platform}-${process.arch}: ` +
        `run it on Node 22 with glibc 2.27 or newer (not Alpine), or install another build as README "Another build of uWebSockets.js" says. ${(error as Error).message}`,
    );
  }
}
