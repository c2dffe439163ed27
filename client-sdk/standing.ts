// Commands whose effect ends with the connection, like the room that was joined: each new connection begins with them.

import type { Core } from './core.ts';
import type { CallOptions, Request } from './requests.ts';

/** Sends one command and uses its reply. */
export type Act<T> = (request: Request, options?: CallOptions) => Promise<T>;

export class Standing {
  readonly #core: Core;
  readonly #acts = new Map<string, Act<unknown>>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Does it now, and again with every new connection, in place of what was begun before under the same name. */
  begin<T>(name: string, act: Act<T>, options?: CallOptions): Promise<T> {
    this.#acts.set(name, act);
    return act(this.#core.request, options);
  }

  /** Not with the next connection any more. */
  end(name: string): void {
    this.#acts.delete(name);
  }

  /** One after the other: many at once would be more frames than a session may send. */
  async resume(): Promise<void> {
    for (const [name, act] of [...this.#acts]) {
      try {
        await act(this.#core.requestPatiently);
      } catch (error) {
        if (this.#core.flight?.aborted) return;
        this.#core.settings.logger.warn(`${name} could not be repeated`, { error });
      }
    }
  }
}
