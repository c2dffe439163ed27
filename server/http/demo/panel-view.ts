// One person's panel as elements: head, state, faults, log, typing line and, for people, the input. It knows no client.

import { copyOf, part, setText } from './dom.ts';
import { FaultButtons } from './fault-buttons.ts';
import type { Line } from './line.ts';
import { LogView } from './log-view.ts';

export interface Person {
  id: string;
  name: string;
  role: string;
}

export interface PanelTemplates {
  panel: HTMLTemplateElement;
  entry: HTMLTemplateElement;
}

/** States on the way to another one. */
const passing = new Set(['idle', 'connecting', 'syncing']);

/** Where the SDK's count stops. */
const unreadCap = 100;

export class PanelView {
  readonly element: HTMLElement;
  readonly log: LogView;
  readonly faults: FaultButtons;
  /** Called with text that is more than white space. @returns whether it was taken; else it stays in the input */
  onSend: (text: string) => boolean = () => false;
  /** Called at every change of the input; false when it was emptied. */
  onWriting: (writing: boolean) => void = () => {};
  readonly #input: HTMLTextAreaElement;
  readonly #name: string;

  constructor(person: Person, templates: PanelTemplates) {
    this.#name = person.name;
    this.element = copyOf(templates.panel);
    this.log = new LogView(this.element, templates.entry);
    this.faults = new FaultButtons(part(this.element, '.faults'));
    this.#input = part(this.element, 'textarea');
    this.#introduce(person);
    part(this.element, 'form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#input.addEventListener('keydown', (event) => this.#pressed(event));
    this.#input.addEventListener('input', () => this.onWriting(this.#input.value.trim() !== ''));
  }

  focus(): void {
    this.#input.focus();
  }

  showLines(lines: readonly Line[]): void {
    this.log.render(lines);
  }

  /** Screen readers are told of a state that lasts, not of every step on the way there. */
  showState(state: string, words: string, reason: string): void {
    const element = part(this.element, '.state');
    element.dataset.state = state;
    setText(part(element, '.words'), words);
    const why = part(this.element, '.reason');
    setText(why, reason);
    // A narrow panel shows the beginning only.
    why.title = reason;
    if (!passing.has(state)) setText(part(this.element, '.announcement'), `${this.#name}: ${words}`);
  }

  /** Whether screen readers are told what is written here: four panels show the same messages, one is enough to read them out. */
  speak(aloud: boolean): void {
    for (const spoken of ['.log', '.typing']) part(this.element, spoken).setAttribute('aria-live', aloud ? 'polite' : 'off');
  }

  /** How many messages wait for their acknowledgement, and how long the server takes to answer. */
  showNumbers(queue: number, roundTrip: string, median: string): void {
    const element = part(this.element, '.numbers');
    element.toggleAttribute('data-waiting', queue > 0);
    setText(part(element, '.queue'), String(queue));
    setText(part(element, '.round-trip'), roundTrip);
    setText(part(element, '.median'), median);
  }

  /** 0 hides the badge. */
  showUnread(count: number): void {
    setText(part(this.element, '.unread .count'), unreadWords(count));
    part(this.element, '.unread').hidden = count === 0;
  }

  /** Why a message was not taken; an empty text hides it. */
  showRefusal(text: string): void {
    const refusal = part(this.element, '.refusal');
    setText(refusal, text);
    refusal.hidden = text === '';
  }

  showTyping(text: string): void {
    setText(part(this.element, '.typing'), text);
  }

  #introduce(person: Person): void {
    const { element } = this;
    element.dataset.user = person.id;
    element.dataset.role = person.role;
    element.setAttribute('aria-label', person.name);
    this.log.label = `Messages as ${person.name} sees them`;
    this.faults.label = `What can go wrong for ${person.name}`;
    part(element, '.avatar').textContent = person.name.slice(0, 1);
    part(element, 'h2').textContent = person.name;
    part(element, '.role').textContent = person.role;
    this.#linkAlone(person);
    part(element, 'form').hidden = person.role === 'bot';
    this.#input.setAttribute('aria-label', `Message from ${person.name}`);
    this.#input.placeholder = `Write as ${person.name}`;
  }

  #linkAlone({ id, name }: Person): void {
    const alone = part<HTMLAnchorElement>(this.element, '.alone');
    alone.href = `/?user=${encodeURIComponent(id)}`;
    part(alone, '.hidden').textContent = `Open ${name} in a window of its own`;
  }

  #pressed(event: KeyboardEvent): void {
    // During composition Enter picks a suggestion of the input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #submit(): void {
    const text = this.#input.value.trim();
    if (text === '') return;
    if (this.onSend(text)) this.#input.value = '';
    this.focus();
  }
}

/** A count of unread messages as a badge says it. */
export function unreadWords(count: number): string {
  return count >= unreadCap ? `${unreadCap}+` : String(count);
}
