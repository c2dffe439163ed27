// Which panel somebody looks at: the page is in front, and this panel was the last one clicked or typed in. Read marks
// follow this, so that a message is delivered to another person before it is read there.

export class Attention {
  readonly #watchers = new Map<HTMLElement, () => void>();
  #active: HTMLElement | undefined;

  constructor() {
    const follow = (event: Event) => {
      const panel = [...this.#watchers.keys()].find((element) => element.contains(event.target as Node));
      if (panel) this.turnTo(panel);
    };
    document.addEventListener('focusin', follow);
    document.addEventListener('pointerdown', follow);
    const wake = () => this.#tell();
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('focus', wake);
    window.addEventListener('blur', wake);
  }

  /** `changed` is called whenever some panel gained or lost attention. */
  watch(panel: HTMLElement, changed: () => void): void {
    this.#watchers.set(panel, changed);
  }

  turnTo(panel: HTMLElement): void {
    if (this.#active === panel) return;
    this.#active?.removeAttribute('data-active');
    this.#active = panel;
    panel.dataset.active = '';
    this.#tell();
  }

  /** Whether it was the last one clicked or typed in, wherever the user looks now. */
  isLast(panel: HTMLElement): boolean {
    return this.#active === panel;
  }

  /** Whether the user looks at it now. */
  has(panel: HTMLElement): boolean {
    return this.#active === panel && document.visibilityState === 'visible' && document.hasFocus();
  }

  #tell(): void {
    for (const changed of this.#watchers.values()) changed();
  }
}
