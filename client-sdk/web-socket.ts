// The WebSocket as the SDK sees it.

/** What the SDK uses of a WebSocket; the browser's, Node's and the `ws` package's all fit. */
export interface WebSocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Called without a value that is used. */
  onopen: unknown;
  /** Called with `{ data }`: an ArrayBuffer or a view of one. */
  onmessage: unknown;
  /** Called with `{ code, reason }`. */
  onclose: unknown;
  /** A close follows, or there never was a connection. */
  onerror: unknown;
  /** Writes one binary frame. */
  send(data: Uint8Array): void;
  /** Ends the connection. */
  close(code?: number, reason?: string): void;
}

/** A class of such sockets. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike;
