// The rows of the log. An element belongs to a key and is changed in place, so nothing flickers and screen readers hear a
// message once. Texts of people only ever go into textContent.

import type { Line } from './line.ts';
import { dayWords, markWords, timeWords } from './wording.ts';

/** Messages of one sender within this time show the name once. */
const groupMs = 5 * 60_000;

export class MessageList {
  readonly #list: HTMLOListElement;
  readonly #template: HTMLTemplateElement;
  readonly #rows = new Map<string, HTMLLIElement>();

  constructor(list: HTMLOListElement, template: HTMLTemplateElement) {
    this.#list = list;
    this.#template = template;
  }

  /** Makes the list show exactly these lines in this order. Returns the rows that are new. */
  render(lines: readonly Line[], now: number): HTMLLIElement[] {
    const fresh: HTMLLIElement[] = [];
    const gone = new Set(this.#rows.keys());
    let previous: Line | undefined;
    for (const [index, line] of lines.entries()) {
      let row = this.#rows.get(line.key);
      if (!row) {
        row = this.#template.content.firstElementChild?.cloneNode(true) as HTMLLIElement;
        this.#rows.set(line.key, row);
        fresh.push(row);
      }
      gone.delete(line.key);
      if (this.#list.children[index] !== row) this.#list.insertBefore(row, this.#list.children[index] ?? null);
      fill(row, line, previous, now);
      previous = line;
    }
    for (const key of gone) {
      this.#rows.get(key)?.remove();
      this.#rows.delete(key);
    }
    return fresh;
  }
}

function fill(row: HTMLLIElement, line: Line, previous: Line | undefined, now: number): void {
  const day = dayWords(line.at, now);
  const newDay = !previous || dayWords(previous.at, now) !== day;
  const follows =
    !newDay && line.side !== 'system' && previous?.side === line.side && previous.sender === line.sender && line.at - previous.at < groupMs;
  row.dataset.side = line.side;
  row.dataset.seq = line.seq === undefined ? '' : String(line.seq);
  row.toggleAttribute('data-follows', follows);
  setText(part(row, '.day'), newDay ? day : '');
  part(row, '.day').hidden = !newDay;
  setText(part(row, '.sender'), line.sender);
  setText(part(row, '.text'), line.text);
  const time = part<HTMLTimeElement>(row, 'time');
  time.dateTime = new Date(line.at).toISOString();
  setText(time, timeWords(line.at));
  fillMark(part(row, '.mark'), line);
}

function fillMark(mark: HTMLElement, line: Line): void {
  mark.hidden = line.mark === undefined;
  if (line.mark === undefined || mark.dataset.mark === line.mark) return;
  mark.dataset.mark = line.mark;
  mark.setAttribute('aria-label', markWords[line.mark]);
}

/** The element inside a template that the page cannot do without. */
export function part<E extends HTMLElement>(root: ParentNode, selector: string): E {
  const found = root.querySelector<E>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** Writing the same text again would make screen readers repeat it. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
