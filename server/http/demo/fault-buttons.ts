// The buttons that break one person's network. A button stays pressed as long as its fault lasts, or waits to happen.

import { part, setText } from './dom.ts';

export const faultNames = ['cut', 'lose-ack', 'double', 'sleep'] as const;

export type FaultName = (typeof faultNames)[number];

export class FaultButtons {
  /** Called when somebody presses one. */
  onPress: (fault: FaultName) => void = () => {};
  readonly #group: HTMLElement;

  constructor(group: HTMLElement) {
    this.#group = group;
    for (const name of faultNames) this.#button(name).addEventListener('click', () => this.onPress(name));
  }

  set label(text: string) {
    setText(part(this.#group, 'legend'), text);
  }

  /** Shows which faults last or wait to happen. */
  show(pressed: Readonly<Record<FaultName, boolean>>): void {
    for (const name of faultNames) this.#button(name).setAttribute('aria-pressed', String(pressed[name]));
  }

  #button(name: FaultName): HTMLElement {
    return part(this.#group, `[data-fault="${name}"]`);
  }
}
