// One side of the conversation as elements: head, log, typing line and the input. It knows no client.

import type { Line } from './line.ts';
import { LogView } from './log-view.ts';
import { part, setText } from './message-list.ts';

export interface Person {
  id: string;
  name: string;
  role: string;
}

/** Where the SDK's count stops. */
const unreadCap = 100;

export class HalfView {
  readonly element: HTMLElement;
  readonly log: LogView;
  /** Called with text that is more than white space. */
  onSend: (text: string) => void = () => {};
  /** Called at every change of the input; false when it was emptied. */
  onWriting: (writing: boolean) => void = () => {};
  /** Called when the reader wants the connection cut or mended. */
  onCable: () => void = () => {};
  readonly #input: HTMLTextAreaElement;

  constructor(person: Person, templates: { half: HTMLTemplateElement; entry: HTMLTemplateElement }) {
    this.element = templates.half.content.firstElementChild?.cloneNode(true) as HTMLElement;
    this.log = new LogView(this.element, templates.entry);
    this.#input = part(this.element, 'textarea');
    this.#introduce(person);
    part(this.element, 'form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    part(this.element, '.cable').addEventListener('click', () => this.onCable());
    this.#input.addEventListener('keydown', (event) => this.#pressed(event));
    this.#input.addEventListener('input', () => this.onWriting(this.#input.value.trim() !== ''));
  }

  focus(): void {
    this.#input.focus();
  }

  showLines(lines: readonly Line[]): void {
    this.log.render(lines);
  }

  /** `reason` is shown to who points at the state. */
  showState(state: string, words: string, reason: string): void {
    const element = part(this.element, '.state');
    element.dataset.state = state;
    element.title = reason;
    setText(part(element, '.words'), words);
  }

  /** 0 hides the badge. */
  showUnread(count: number): void {
    setText(part(this.element, '.unread .count'), count >= unreadCap ? `${unreadCap}+` : String(count));
    part(this.element, '.unread').hidden = count === 0;
  }

  showCut(cut: boolean): void {
    const cable = part(this.element, '.cable');
    cable.setAttribute('aria-pressed', String(cut));
    cable.title = cut ? "Mend this side's connection" : "Cut this side's connection";
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
    part(element, '.avatar').textContent = person.name.slice(0, 1);
    part(element, 'h2').textContent = person.name;
    part(element, '.role').textContent = person.role;
    const alone = part<HTMLAnchorElement>(element, '.alone');
    alone.href = `/?user=${encodeURIComponent(person.id)}`;
    part(alone, '.hidden').textContent = `Open ${person.name}'s side in a window of its own`;
    this.#input.setAttribute('aria-label', `Message from ${person.name}`);
    this.#input.placeholder = `Write as ${person.name}`;
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
    this.onSend(text);
    // Not before: a message that was refused at once stays in the input.
    this.#input.value = '';
    this.focus();
  }
}
