// Commands whose effect ends with the connection, like the room that was joined: each new connection begins with them.

import type { Core } from './core.ts';
import type { CallOptions, Request } from './requests.ts';

/** Sends one command and uses its reply. */
export type Act<T> = (request: Request, options?: CallOptions) => Promise<T>;

interface Wish {
  act: Act<unknown>;
  /** Its first answer is waited for, with the connection that comes, too. */
  isAsked: boolean;
}

export class Standing {
  readonly #core: Core;
  readonly #wishes = new Map<string, Wish>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Does it now, and again with every new connection, in place of what was begun before under the same name. */
  async begin<T>(name: string, act: Act<T>, options?: CallOptions): Promise<T> {
    const wish: Wish = { act, isAsked: true };
    this.#wishes.set(name, wish);
    try {
      return await act(this.#core.request, options);
    } finally {
      wish.isAsked = false;
    }
  }

  /** Not with the next connection any more. */
  end(name: string): void {
    this.#wishes.delete(name);
  }

  /** One after the other: many at once would be more frames than a session may send. */
  async resume(): Promise<void> {
    for (const [name, { act, isAsked }] of this.#wishes) {
      try {
        if (!isAsked) await act(this.#core.requestPatiently);
      } catch (error) {
        if (this.#core.flight?.aborted) return;
        this.#core.settings.logger.warn(`${name} could not be repeated`, { error });
      }
    }
  }
}
