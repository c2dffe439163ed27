// Which panel a narrow screen shows. Wide screens show all of them side by side, and no switcher.

import { copyOf, part, setText } from './dom.ts';
import type { Person } from './panel-view.ts';
import { unreadWords } from './panel-view.ts';

export class Switcher {
  /** Called with the panel that is shown now. */
  onShow: (panel: HTMLElement) => void = () => {};
  readonly #nav: HTMLElement;
  readonly #template: HTMLTemplateElement;
  readonly #panels = new Map<HTMLElement, HTMLElement>();

  constructor(nav: HTMLElement, template: HTMLTemplateElement) {
    this.#nav = nav;
    this.#template = template;
  }

  /** Adds a button for a person's panel. */
  addPerson(panel: HTMLElement, { name, role }: Person): void {
    const button = copyOf<HTMLElement>(this.#template);
    button.dataset.role = role;
    setText(part(button, '.avatar'), name.slice(0, 1));
    setText(part(button, '.name'), name);
    this.add(panel, button);
  }

  /** Adds a button that is there already, for a panel that is nobody's. */
  add(panel: HTMLElement, button: HTMLElement): void {
    this.#nav.append(button);
    this.#panels.set(panel, button);
    button.addEventListener('click', () => this.show(panel));
  }

  /** Shows this panel where there is room for one. */
  show(panel: HTMLElement): void {
    for (const [other, button] of this.#panels) {
      other.toggleAttribute('data-shown', other === panel);
      button.setAttribute('aria-pressed', String(other === panel));
    }
    this.onShow(panel);
  }

  /** The state of a person, and what waits to be read there. */
  tell(panel: HTMLElement, state: string, unread: number): void {
    const button = this.#panels.get(panel);
    if (!button) return;
    button.dataset.state = state;
    const badge = part(button, '.unread');
    setText(part(badge, '.count'), unreadWords(unread));
    badge.hidden = unread === 0;
  }
}
