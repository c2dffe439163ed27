// A client that lives as long as its provider is mounted. React takes a component off and puts it back within one turn
// (StrictMode, Fast Refresh): only what is still off afterwards is closed.

import { type Client, type ClientOptions, createClient } from '../index.ts';

export class ClientLease {
  readonly #options: ClientOptions;
  #client: Client | undefined;
  #isHeld = false;
  #isOver = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Made when it is first asked for: React also makes leases that it throws away unseen. */
  get client(): Client {
    this.#client ??= createClient(this.#options);
    return this.#client;
  }

  /** Connects. @returns false when the client was closed meanwhile, and another lease is needed */
  hold(): boolean {
    if (this.#isOver) return false;
    this.#isHeld = true;
    // Why it is not live is in its state.
    if (this.client.state === 'idle') this.client.connect().catch(() => {});
    return true;
  }

  /** Closes the client, unless it is held again in the same turn. */
  release(): void {
    this.#isHeld = false;
    queueMicrotask(() => {
      if (this.#isHeld) return;
      this.#isOver = true;
      this.#client?.close();
    });
  }

  /** A lease of a new client with the same options. */
  renewed(): ClientLease {
    return new ClientLease(this.#options);
  }
}
