// The wire inspector: the last frames of all wires, by person, without the pings if wanted, and one of them opened. It draws at
// most once a frame, and nothing while it is closed.

import { eachFrame, part, setText } from '../dom.ts';
import type { Wire } from '../lab/wire.ts';
import type { Person } from '../panel-view.ts';
import { countWords } from '../wording.ts';
import { FrameList } from './frame-list.ts';
import { bodyText, hexText, isKeepalive, type SeenFrame, sentenceOf } from './seen-frame.ts';

/** Frames that are kept; older ones are let go in steps of a quarter. */
const maxFrames = 1_000;
/** A line of 16 bytes needs this much room; narrower ones get 8. */
const wideHexPx = 540;

export class Inspector {
  readonly #section: HTMLElement;
  readonly #list: FrameList;
  readonly #person: HTMLSelectElement;
  readonly #hidesKeepalives: HTMLInputElement;
  readonly #pause: HTMLButtonElement;
  #frames: SeenFrame[] = [];
  #seen = 0;
  /** What was there when it was paused. */
  #frozen: readonly SeenFrame[] | undefined;
  readonly #draw = eachFrame(() => this.#show());

  constructor(section: HTMLElement, frameTemplate: HTMLTemplateElement) {
    this.#section = section;
    this.#list = new FrameList(part(section, '.frames'), frameTemplate);
    this.#person = part(section, '.of-person');
    this.#hidesKeepalives = part(section, '.hides-keepalives');
    this.#pause = part(section, '.pause');
    this.#list.onChoose = (seen) => this.#open(seen);
    for (const filter of [this.#person, this.#hidesKeepalives]) filter.addEventListener('change', () => this.#filtered());
    this.#pause.addEventListener('click', () => this.#pauseOrGoOn());
    part(section, '.shut').addEventListener('click', () => this.#shut());
    // What scrolls must be reachable by keyboard.
    for (const scrolling of ['.frames', '.body', '.hex']) part(section, scrolling).tabIndex = 0;
    new ResizeObserver(this.#draw).observe(section);
  }

  /** Shows this person's frames from now on. */
  watch(person: Person, wire: Wire): void {
    this.#person.add(new Option(person.name, person.id));
    wire.onFrame((frame) => {
      this.#frames.push({ number: this.#seen++, person, frame });
      if (this.#frames.length > maxFrames * 1.25) this.#frames = this.#frames.slice(-maxFrames);
      this.#draw();
    });
  }

  #show(): void {
    // It is drawn when it is opened.
    if (this.#section.clientHeight === 0) return;
    const shown = (this.#frozen ?? this.#frames).filter((seen) => this.#passes(seen));
    const waiting = this.#frozen ? this.#seen - 1 - (this.#frozen.at(-1)?.number ?? -1) : 0;
    const paused = this.#frozen ? `, paused: ${countWords(waiting)} newer` : '';
    setText(part(this.#section, '.tally'), `${countWords(shown.length)} frames${paused}`);
    this.#list.show(shown);
  }

  #passes(seen: SeenFrame): boolean {
    const ofPerson = this.#person.value === '' || this.#person.value === seen.person.id;
    return ofPerson && !(this.#hidesKeepalives.checked && isKeepalive(seen));
  }

  #filtered(): void {
    this.#show();
    this.#list.follow();
  }

  #pauseOrGoOn(): void {
    this.#frozen = this.#frozen ? undefined : this.#frames.slice();
    this.#pause.setAttribute('aria-pressed', String(this.#frozen !== undefined));
    this.#show();
    if (!this.#frozen) this.#list.follow();
  }

  #open(seen: SeenFrame): void {
    const details = part(this.#section, '.details');
    details.hidden = false;
    details.dataset.fate = seen.frame.fate;
    setText(part(details, 'h3'), sentenceOf(seen));
    setText(part(details, '.body pre'), bodyText(seen));
    setText(part(details, '.hex pre'), hexText(seen.frame.bytes, details.clientWidth < wideHexPx ? 8 : 16));
  }

  #shut(): void {
    part(this.#section, '.details').hidden = true;
    part(this.#section, '.frames').focus();
  }
}
