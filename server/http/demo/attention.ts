// Which side somebody looks at: the page is in front, and this side was the last one clicked or typed in. Read marks
// follow this, so that a message is delivered to the other side before it is read there.

export class Attention {
  readonly #watchers = new Map<HTMLElement, () => void>();
  #active: HTMLElement | undefined;

  constructor() {
    const follow = (event: Event) => {
      const half = [...this.#watchers.keys()].find((element) => element.contains(event.target as Node));
      if (half) this.turnTo(half);
    };
    document.addEventListener('focusin', follow);
    document.addEventListener('pointerdown', follow);
    const wake = () => this.#tell();
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('focus', wake);
    window.addEventListener('blur', wake);
  }

  /** `changed` is called whenever some side gained or lost attention. */
  watch(half: HTMLElement, changed: () => void): void {
    this.#watchers.set(half, changed);
  }

  turnTo(half: HTMLElement): void {
    if (this.#active === half) return;
    this.#active?.removeAttribute('data-active');
    this.#active = half;
    half.dataset.active = '';
    this.#tell();
  }

  has(half: HTMLElement): boolean {
    return this.#active === half && document.visibilityState === 'visible' && document.hasFocus();
  }

  #tell(): void {
    for (const changed of this.#watchers.values()) changed();
  }
}
