// The scrolling part of a side: stays at the newest message while the reader is there, never jumps while older ones are
// put above, and knows how far the reader can see.

import type { Line } from './line.ts';
import { MessageList, part, setText } from './message-list.ts';

/** Nearer than this to the end counts as being there. */
const endSlackPx = 48;
/** Nearer than this to the beginning asks for older messages. */
const olderSlackPx = 160;

export class LogView {
  /** Called when the reader comes near the beginning. */
  onOlder: () => void = () => {};
  /** Called when what the reader can see has changed. */
  onMoved: () => void = () => {};
  readonly #log: HTMLElement;
  readonly #start: HTMLElement;
  readonly #newer: HTMLButtonElement;
  readonly #list: MessageList;
  #atEnd = true;
  #lastTopPx = 0;

  constructor(half: HTMLElement, entryTemplate: HTMLTemplateElement) {
    this.#log = part(half, '.log');
    this.#start = part(half, '.start');
    this.#newer = part(half, '.newer');
    this.#list = new MessageList(part(half, '.log ol'), entryTemplate);
    // What scrolls must be reachable by keyboard.
    this.#log.tabIndex = 0;
    this.#log.addEventListener('scroll', () => this.#scrolled());
    this.#newer.addEventListener('click', () => this.#toEnd());
    const follow = new ResizeObserver(() => this.#atEnd && this.#toEnd());
    follow.observe(this.#log);
    follow.observe(this.#rows);
  }

  set label(text: string) {
    this.#log.setAttribute('aria-label', text);
  }

  render(lines: readonly Line[]): void {
    const anchor = this.#firstInView();
    const anchorTop = anchor?.getBoundingClientRect().top ?? 0;
    const [newest] = this.#list.render(lines, Date.now()).slice(-1);
    const arrived = newest !== undefined && newest === this.#rows.lastElementChild;
    if (arrived && anchor) newest.dataset.fresh = '';
    if (this.#atEnd || (arrived && newest.dataset.side === 'mine')) {
      this.#toEnd();
    } else {
      if (anchor?.isConnected) this.#log.scrollTop += anchor.getBoundingClientRect().top - anchorTop;
      if (arrived) this.#newer.hidden = false;
    }
    if (this.#log.scrollTop < olderSlackPx) this.onOlder();
  }

  /** What stands above the first message: nothing, that older ones are coming, or that this is the beginning. */
  showStart(text: string): void {
    setText(this.#start, text);
    this.#start.hidden = text === '';
  }

  /** The highest seq whose beginning is in view; undefined when nothing is. */
  visibleSeq(): number | undefined {
    if (this.#log.clientHeight === 0) return undefined;
    const { top, bottom } = this.#log.getBoundingClientRect();
    for (let row = this.#rows.lastElementChild; row; row = row.previousElementSibling) {
      const place = row.getBoundingClientRect();
      if (place.bottom < top) return undefined;
      const seq = Number((row as HTMLElement).dataset.seq);
      if (seq > 0 && place.top + endSlackPx / 2 <= bottom) return seq;
    }
    return undefined;
  }

  get #rows(): HTMLElement {
    return part(this.#log, 'ol');
  }

  #firstInView(): Element | undefined {
    const { top } = this.#log.getBoundingClientRect();
    return [...this.#rows.children].find((row) => row.getBoundingClientRect().bottom > top);
  }

  #scrolled(): void {
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
