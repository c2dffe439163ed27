// A client that lives as long as its provider is mounted. React takes a component off and puts it back within one turn
// (StrictMode, Fast Refresh): only what is still off afterwards is closed. And React throws away what it has rendered but not
// mounted, when a component waits: such a client is closed too, or it would keep messages of its store from being sent.

import { systemClock } from '../clock.ts';
import { type Client, type ClientOptions, createClient } from '../index.ts';

/** From the first rendering to mounting; a provider that takes longer gets another client. */
const mountingMs = 1_000;

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
    this.#client ??= this.#create();
    return this.#client;
  }

  #create(): Client {
    const { clock = systemClock } = this.#options;
    clock.setTimeout(() => this.#end(), mountingMs);
    return createClient(this.#options);
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
    queueMicrotask(() => this.#end());
  }

  #end(): void {
    if (this.#isHeld) return;
    this.#isOver = true;
    this.#client?.close();
  }

  /** A lease of a new client with the same options. */
  renewed(): ClientLease {
    return new ClientLease(this.#options);
  }
}
