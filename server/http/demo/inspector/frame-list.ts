// The frames as a list of which only the rows in view are elements, so that thousands cost no more than twenty. A list box: one
// stop for the Tab key, arrows choose. It follows the newest frame until the reader moves up or chooses one.

import { copyOf, part, setText } from '../dom.ts';
import { cellsOf, type SeenFrame } from './seen-frame.ts';

const rowPx = 28;
/** Rows drawn above and below what is in view, for quick scrolling. */
const marginRows = 6;

/** Where a key leads from the chosen index; `page` is how many rows are in view. */
const keys: Readonly<Record<string, (index: number, page: number, last: number) => number>> = {
  ArrowDown: (index) => index + 1,
  ArrowUp: (index, _page, last) => (index < 0 ? last : index - 1),
  PageDown: (index, page) => index + page,
  PageUp: (index, page, last) => (index < 0 ? last : index - page),
  Home: () => 0,
  End: (_index, _page, last) => last,
};

export class FrameList {
  /** Called with the frame that was chosen. */
  onChoose: (seen: SeenFrame) => void = () => {};
  readonly #box: HTMLElement;
  readonly #sheet: HTMLElement;
  readonly #template: HTMLTemplateElement;
  readonly #rows = new Map<number, HTMLElement>();
  #frames: readonly SeenFrame[] = [];
  #chosen = -1;
  #following = true;
  #lastTopPx = 0;

  /** `box` scrolls and has one child, as high as all rows together. */
  constructor(box: HTMLElement, template: HTMLTemplateElement) {
    this.#box = box;
    this.#sheet = box.firstElementChild as HTMLElement;
    this.#template = template;
    box.addEventListener('scroll', () => this.#scrolled());
    box.addEventListener('keydown', (event) => this.#pressed(event));
    box.addEventListener('click', (event) => this.#clicked(event));
    new ResizeObserver(() => this.#resized()).observe(box);
  }

  /** Shows these frames; their numbers rise. */
  show(frames: readonly SeenFrame[]): void {
    const dropped = this.#indexAtLeast(frames[0]?.number ?? 0);
    this.#frames = frames;
    this.#sheet.style.height = `${frames.length * rowPx}px`;
    if (!this.#following && dropped > 0) this.#scrollTo(this.#box.scrollTop - dropped * rowPx);
    this.#draw();
  }

  /** Goes to the newest frame, and stays there. */
  follow(): void {
    this.#following = true;
    this.#draw();
  }

  #draw(): void {
    const { clientHeight } = this.#box;
    // It is drawn when it is seen.
    if (clientHeight === 0) return;
    if (this.#following) this.#scrollTo(this.#frames.length * rowPx);
    const first = Math.max(0, Math.floor(this.#box.scrollTop / rowPx) - marginRows);
    const inView = this.#frames.slice(first, first + Math.ceil(clientHeight / rowPx) + 2 * marginRows);
    const spare = this.#takeOut(inView);
    for (const [offset, seen] of inView.entries()) this.#place(seen, first + offset, spare);
    for (const row of spare) row.remove();
    const chosen = this.#rows.get(this.#chosen);
    if (chosen) this.#box.setAttribute('aria-activedescendant', chosen.id);
    else this.#box.removeAttribute('aria-activedescendant');
  }

  /** The frame that was opened takes room from the list, and must not be pushed out by that. */
  #resized(): void {
    const chosen = this.#chosenIndex();
    if (chosen >= 0 && !this.#following) this.#reveal(chosen);
    this.#draw();
  }

  /** Rows of frames that are not in view any more. */
  #takeOut(inView: readonly SeenFrame[]): HTMLElement[] {
    const kept = new Set(inView.map(({ number }) => number));
    const spare: HTMLElement[] = [];
    for (const [number, row] of this.#rows) {
      if (kept.has(number)) continue;
      this.#rows.delete(number);
      spare.push(row);
    }
    return spare;
  }

  #place(seen: SeenFrame, index: number, spare: HTMLElement[]): void {
    let row = this.#rows.get(seen.number);
    if (!row) {
      row = spare.pop() ?? this.#sheet.appendChild(copyOf<HTMLElement>(this.#template));
      fill(row, seen);
      this.#rows.set(seen.number, row);
    }
    row.style.transform = `translateY(${index * rowPx}px)`;
    row.setAttribute('aria-posinset', String(index + 1));
    row.setAttribute('aria-setsize', String(this.#frames.length));
    row.setAttribute('aria-selected', String(seen.number === this.#chosen));
  }

  #choose(index: number): void {
    const seen = this.#frames[Math.max(0, Math.min(index, this.#frames.length - 1))];
    if (!seen) return;
    this.#chosen = seen.number;
    this.#following = false;
    this.#reveal(this.#indexAtLeast(seen.number));
    this.#draw();
    this.onChoose(seen);
  }

  #reveal(index: number): void {
    const { scrollTop, clientHeight } = this.#box;
    const top = index * rowPx;
    if (top < scrollTop) this.#scrollTo(top);
    else if (top + rowPx > scrollTop + clientHeight) this.#scrollTo(top + rowPx - clientHeight);
  }

  #pressed(event: KeyboardEvent): void {
    const lead = keys[event.key];
    if (!lead || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const page = Math.max(1, Math.floor(this.#box.clientHeight / rowPx) - 1);
    this.#choose(lead(this.#chosenIndex(), page, this.#frames.length - 1));
  }

  #clicked(event: MouseEvent): void {
    const row = (event.target as Element).closest('[role="option"]');
    if (!row) return;
    this.#choose(Number(row.getAttribute('aria-posinset')) - 1);
    // A row may become another frame's: the list keeps the focus.
    this.#box.focus();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    // Only the reader moves; where this class has scrolled to, nothing differs.
    if (scrollTop !== this.#lastTopPx) this.#following = scrollHeight - scrollTop - clientHeight < rowPx;
    this.#lastTopPx = scrollTop;
    this.#draw();
  }

  #scrollTo(topPx: number): void {
    this.#box.scrollTop = topPx;
    this.#lastTopPx = this.#box.scrollTop;
  }

  /** -1 when none is, or it was let go. */
  #chosenIndex(): number {
    const index = this.#indexAtLeast(this.#chosen);
    return this.#frames[index]?.number === this.#chosen ? index : -1;
  }

  /** The index of the first frame with this number or a higher one. */
  #indexAtLeast(number: number): number {
    let low = 0;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#frames[middle]!.number >= number) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function fill(row: HTMLElement, seen: SeenFrame): void {
  const { frame, person } = seen;
  row.style.height = `${rowPx}px`;
  row.id = `frame-${seen.number}`;
  row.dataset.direction = frame.direction;
  row.dataset.kind = frame.kind;
  row.dataset.fate = frame.fate;
  row.dataset.role = person.role;
  for (const [cell, text] of Object.entries(cellsOf(seen))) setText(part(row, `.${cell}`), text);
}
