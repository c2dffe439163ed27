// The rows of the log. An element belongs to a key and is changed in place, and only where its line differs: nothing flickers,
// screen readers hear a message once, and a long log costs little. Texts of people only ever go into textContent.

import { copyOf, part, setText } from './dom.ts';
import type { Line } from './line.ts';
import { dayWords, markWords, timeWords } from './wording.ts';

/** Messages of one sender within this time show the name once. */
const groupMs = 5 * 60_000;

interface Row {
  readonly element: HTMLLIElement;
  readonly day: HTMLElement;
  readonly sender: HTMLElement;
  readonly text: HTMLElement;
  readonly time: HTMLTimeElement;
  readonly again: HTMLButtonElement;
  readonly mark: HTMLElement;
  line?: Line;
  previous?: Line | undefined;
}

export class MessageList {
  readonly #list: HTMLOListElement;
  readonly #template: HTMLTemplateElement;
  readonly #rows = new Map<string, Row>();
  /** The day the rows were written on: at midnight all of them are looked at again. */
  #today = '';

  constructor(list: HTMLOListElement, template: HTMLTemplateElement) {
    this.#list = list;
    this.#template = template;
  }

  /**
   * Makes the list show exactly these lines in this order. A line that is the same object as at the last call is taken for
   * unchanged. Returns the rows that are new.
   */
  render(lines: readonly Line[], now: number): HTMLLIElement[] {
    const today = new Date(now).toDateString();
    const stale = today !== this.#today;
    this.#today = today;
    // First, or every row behind them would be moved, and so be read out again.
    this.#removeOthers(lines);
    const fresh: HTMLLIElement[] = [];
    let previous: Line | undefined;
    let place = this.#list.firstElementChild;
    for (const line of lines) {
      const row = this.#rows.get(line.key) ?? this.#add(line.key, fresh);
      if (row.element === place) place = place.nextElementSibling;
      else this.#list.insertBefore(row.element, place);
      if (stale || row.line !== line || row.previous !== previous) fill(row, line, previous, now);
      row.line = line;
      row.previous = previous;
      previous = line;
    }
    return fresh;
  }

  #add(key: string, fresh: HTMLLIElement[]): Row {
    const element = copyOf<HTMLLIElement>(this.#template);
    const row = {
      element,
      day: part(element, '.day'),
      sender: part(element, '.sender'),
      text: part(element, '.text'),
      time: part<HTMLTimeElement>(element, 'time'),
      again: part<HTMLButtonElement>(element, '.again'),
      mark: part(element, '.mark'),
    };
    this.#rows.set(key, row);
    fresh.push(element);
    return row;
  }

  #removeOthers(lines: readonly Line[]): void {
    const kept = new Set(lines.map(({ key }) => key));
    for (const [key, { element }] of this.#rows) {
      if (kept.has(key)) continue;
      element.remove();
      this.#rows.delete(key);
    }
  }
}

function fill(row: Row, line: Line, previous: Line | undefined, now: number): void {
  const { element } = row;
  const day = dayWords(line.at, now);
  const newDay = !previous || dayWords(previous.at, now) !== day;
  element.dataset.side = line.side;
  element.dataset.seq = line.seq === undefined ? '' : String(line.seq);
  element.toggleAttribute('data-follows', !newDay && follows(line, previous));
  setText(row.day, newDay ? day : '');
  row.day.hidden = !newDay;
  setText(row.sender, line.sender);
  setText(row.text, line.text);
  row.time.dateTime = new Date(line.at).toISOString();
  setText(row.time, timeWords(line.at));
  row.again.hidden = line.mark !== 'failed';
  row.again.value = line.messageId;
  fillMark(row.mark, line);
}

function follows(line: Line, previous: Line): boolean {
  return line.side !== 'system' && previous.side === line.side && previous.sender === line.sender && line.at - previous.at < groupMs;
}

function fillMark(mark: HTMLElement, line: Line): void {
  mark.hidden = line.mark === undefined;
  if (line.mark === undefined || mark.dataset.mark === line.mark) return;
  mark.dataset.mark = line.mark;
  mark.setAttribute('aria-label', markWords[line.mark]);
}
