// A page that can go into the background. Playwright keeps its own pages in the foreground for ever, so this one is driven by the
// DevTools protocol alone, in a browser context that Playwright does not know of.

import type { Browser, CDPSession } from 'playwright-core';

interface Answer {
  id?: number;
  result?: { result?: { value?: unknown }; exceptionDetails?: { exception?: { description?: string } } };
  error?: { message: string };
}

export class BackgroundPage {
  readonly #browser: CDPSession;
  readonly #contextId: string;
  readonly #sessionId: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #count = 0;

  private constructor(browser: CDPSession, contextId: string, sessionId: string) {
    this.#browser = browser;
    this.#contextId = contextId;
    this.#sessionId = sessionId;
    browser.on('Target.receivedMessageFromTarget', ({ sessionId: from, message }) => {
      if (from !== sessionId) return;
      const answer = JSON.parse(message) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  /** A page that is being loaded, visible, with storage of its own. */
  static async open(browser: Browser, url: string): Promise<BackgroundPage> {
    const session = await browser.newBrowserCDPSession();
    const { browserContextId } = await session.send('Target.createBrowserContext');
    const { targetId } = await session.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
    const page = new BackgroundPage(session, browserContextId, sessionId);
    await page.#send('Page.navigate', { url });
    return page;
  }

  /** The value of an expression, or of its promise. @throws Error for what it throws */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.#send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (result?.exceptionDetails) throw new Error(result.exceptionDetails.exception?.description);
    return result?.result?.value;
  }

  /** Hidden, and nothing in it runs. */
  async freeze(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  /** Hidden still, but it runs. */
  async thaw(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'active' });
  }

  /** The user looks at it. */
  async show(): Promise<void> {
    await this.#send('Emulation.setFocusEmulationEnabled', { enabled: true });
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.disposeBrowserContext', { browserContextId: this.#contextId });
    await this.#browser.detach();
  }

  async #send(method: string, params: Record<string, unknown>): Promise<Answer> {
    const id = ++this.#count;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, resolve);
    await this.#browser.send('Target.sendMessageToTarget', { sessionId: this.#sessionId, message: JSON.stringify({ id, method, params }) });
    const answer = await promise;
    this.#waiting.delete(id);
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer;
  }
}
