// What a session needs of its socket. The edge fulfils it; after the socket is closed every method is a no-op.

export interface Socket {
  /** Remote address, normalised; for logs and caps. */
  readonly address: string;
  /** Hands over one frame; the bytes are copied before this returns. */
  send(frame: Uint8Array): void;
  /** Runs `write` so that all its sends leave in one system call. */
  cork(write: () => void): void;
  /** Sends what is buffered, then a close frame. */
  end(code: number, reason: string): void;
  subscribe(topic: string): void;
  /** Effective at once for publishes that follow; those before it still arrive. */
  unsubscribe(topic: string): void;
}
