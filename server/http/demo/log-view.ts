// The scrolling part of a panel: stays at the newest message while the reader is there, never jumps while older ones are
// put above, and knows how far the reader can see.

import { part, setText } from './dom.ts';
import type { Line } from './line.ts';
import { MessageList } from './message-list.ts';

/** Nearer than this to the end counts as being there. */
const endSlackPx = 48;
/** Nearer than this to the beginning asks for older messages. */
const olderSlackPx = 160;

export class LogView {
  /** Called when the reader comes near the beginning. */
  onOlder: () => void = () => {};
  /** Called with the id of a failed message that shall be tried again. */
  onAgain: (messageId: string) => void = () => {};
  /** Called when what the reader can see has changed. */
  onMoved: () => void = () => {};
  readonly #log: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #start: HTMLElement;
  readonly #newer: HTMLButtonElement;
  readonly #list: MessageList;
  #atEnd = true;
  #lastTopPx = 0;

  constructor(panel: HTMLElement, entryTemplate: HTMLTemplateElement) {
    this.#log = part(panel, '.log');
    this.#rows = part(panel, '.log ol');
    this.#start = part(panel, '.start');
    this.#newer = part(panel, '.newer');
    this.#list = new MessageList(part(panel, '.log ol'), entryTemplate);
    // What scrolls must be reachable by keyboard.
    this.#log.tabIndex = 0;
    this.#log.addEventListener('scroll', () => this.#scrolled());
    this.#rows.addEventListener('click', ({ target }) => {
      const again = (target as Element).closest<HTMLButtonElement>('.again');
      if (again) this.onAgain(again.value);
    });
    this.#newer.addEventListener('click', () => this.#toEnd());
    const follow = new ResizeObserver(() => this.#atEnd && this.#toEnd());
    follow.observe(this.#log);
    follow.observe(this.#rows);
  }

  set label(text: string) {
    this.#log.setAttribute('aria-label', text);
  }

  /** Whether the reader is at the newest message. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  render(lines: readonly Line[]): void {
    const anchor = this.#atEnd ? undefined : this.#firstInView();
    const anchorTop = anchor?.getBoundingClientRect().top ?? 0;
    const newest = this.#list.render(lines, Date.now()).at(-1);
    const arrived = newest !== undefined && newest === this.#rows.lastElementChild;
    if (this.#atEnd || (arrived && newest.dataset.side === 'mine')) {
      this.#toEnd();
    } else {
      if (anchor?.isConnected) this.#log.scrollTop += anchor.getBoundingClientRect().top - anchorTop;
      if (arrived) this.#newer.hidden = false;
    }
    if (this.#isSeen && this.#log.scrollTop < olderSlackPx) this.onOlder();
  }

  /** What stands above the first message: nothing, that older ones are coming, or that this is the beginning. */
  showStart(text: string): void {
    setText(this.#start, text);
    this.#start.hidden = text === '';
  }

  /** The highest seq whose beginning is in view; undefined when nothing is. */
  visibleSeq(): number | undefined {
    if (!this.#isSeen) return undefined;
    const { top, bottom } = this.#log.getBoundingClientRect();
    for (let index = Math.min(this.#indexAt(bottom), this.#rows.childElementCount - 1); index >= 0; index--) {
      const row = this.#rows.children[index] as HTMLElement;
      const place = row.getBoundingClientRect();
      if (place.bottom < top) return undefined;
      const seq = Number(row.dataset.seq);
      if (seq > 0 && place.top + endSlackPx / 2 <= bottom) return seq;
    }
    return undefined;
  }

  /** False for a panel that is not shown now, as on a phone. */
  get #isSeen(): boolean {
    return this.#log.clientHeight > 0;
  }

  #firstInView(): Element | undefined {
    return this.#rows.children[this.#indexAt(this.#log.getBoundingClientRect().top)];
  }

  /** The first row that ends below `y`; their number when none does. */
  #indexAt(y: number): number {
    const { children } = this.#rows;
    let low = 0;
    let high = children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (children[middle]!.getBoundingClientRect().bottom > y) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #scrolled(): void {
    if (!this.#isSeen) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const nearEnd = scrollHeight - scrollTop - clientHeight < endSlackPx;
    // Only the reader moves up; a log that has grown under a reader at the end is followed by the observer.
    if (nearEnd || scrollTop < this.#lastTopPx) this.#atEnd = nearEnd;
    this.#lastTopPx = scrollTop;
    if (this.#atEnd) this.#newer.hidden = true;
    if (scrollTop < olderSlackPx) this.onOlder();
    this.onMoved();
  }

  #toEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#lastTopPx = this.#log.scrollTop;
    this.#atEnd = true;
    this.#newer.hidden = true;
  }
}
