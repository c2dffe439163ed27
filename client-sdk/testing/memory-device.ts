// A device of a user: its network, which can fail, its storage, and the pages that come and go on it. A page that crashes
// takes its timers, its sockets and its unfinished writes along; nothing of its client runs any more.

import type { Clock } from '../clock.ts';
import type { ClientOptions } from '../options.ts';
import type { ClientStore } from '../store/store.ts';
import type { WebSocketConstructor } from '../web-socket.ts';
import type { MemoryServer } from './memory-server.ts';
import type { MemorySocket } from './memory-socket.ts';
import { MemoryStorage } from './memory-storage.ts';
import { derivedSeed, seededRandom } from './seeded-random.ts';

/** The options that a page gives to its client. */
export type PageOptions = ClientOptions & { clock: Clock; WebSocket: WebSocketConstructor };

export class MemoryDevice {
  readonly userId: string;
  readonly storage = new MemoryStorage();
  readonly #server: MemoryServer;
  readonly #random: () => number;
  readonly #pages = new Set<MemoryPage>();
  #online = true;

  constructor(server: MemoryServer, userId: string, random: () => number) {
    this.userId = userId;
    this.#server = server;
    this.#random = random;
  }

  get isOnline(): boolean {
    return this.#online;
  }

  /** Opens a page, another tab, or the same one after a reload. */
  page(): MemoryPage {
    const page = new MemoryPage(this, this.#server, seededRandom(derivedSeed(this.#random)));
    this.#pages.add(page);
    return page;
  }

  /** The wires of this device break; new ones come at once. */
  break(): void {
    for (const page of this.#pages) page.break();
  }

  /** The network is gone until `mend`. */
  cut(): void {
    this.#online = false;
    this.break();
  }

  mend(): void {
    this.#online = true;
  }

  /** Nothing passes on the wires any more, and neither side is told. */
  silence(): void {
    for (const page of this.#pages) page.silence();
  }

  /** For the page that ended. */
  closed(page: MemoryPage): void {
    this.#pages.delete(page);
    this.storage.crashed(page);
  }
}

export class MemoryPage {
  readonly options: PageOptions;
  /** The storage of the device, as this page has it. */
  readonly store: ClientStore;
  readonly clock: Clock;
  readonly #device: MemoryDevice;
  readonly #server: MemoryServer;
  readonly #timers = new Set<unknown>();
  readonly #sockets = new Set<MemorySocket>();
  #alive = true;

  constructor(device: MemoryDevice, server: MemoryServer, random: () => number) {
    this.#device = device;
    this.#server = server;
    this.clock = this.#ownClock();
    this.store = device.storage.storeOf(this);
    const WebSocket = this.#ownWebSocket();
    this.options = { url: 'ws://memory.example/app', auth: device.userId, clock: this.clock, random, WebSocket };
  }

  /** Ends it as a killed process ends. */
  crash(): void {
    this.#alive = false;
    for (const timer of this.#timers) this.#server.clock.clearTimeout(timer);
    for (const socket of this.#sockets) socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    this.break();
    this.#device.closed(this);
  }

  break(): void {
    for (const socket of this.#sockets) socket.break();
    this.#sockets.clear();
  }

  silence(): void {
    for (const socket of this.#sockets) socket.silence();
  }

  #ownClock(): Clock {
    const { clock } = this.#server;
    return {
      now: () => clock.now(),
      setTimeout: (task, delayMs) => {
        if (!this.#alive) return undefined;
        const run = () => {
          this.#timers.delete(timer);
          task();
        };
        const timer = clock.setTimeout(run, delayMs);
        this.#timers.add(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        this.#timers.delete(timer);
        clock.clearTimeout(timer);
      },
    };
  }

  #ownWebSocket(): WebSocketConstructor {
    const page = this;
    return class extends this.#server.WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        page.#sockets.add(this);
        if (!page.#alive || !page.#device.isOnline) this.break();
      }
    };
  }
}
