// What all parts of the page need of the document: elements that must be there, texts written only when they differ, and
// drawing at most once a frame.

/** The element that the page cannot do without. */
export function part<E extends HTMLElement>(root: ParentNode, selector: string): E {
  const found = root.querySelector<E>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** A copy of the one element in a template. */
export function copyOf<E extends HTMLElement>(template: HTMLTemplateElement): E {
  return template.content.firstElementChild?.cloneNode(true) as E;
}

/** Writing the same text again would make screen readers repeat it. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Asks for `draw` before the next frame, however often it is called until then. A page in the background draws when it is seen. */
export function eachFrame(draw: () => void): () => void {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      draw();
    });
  };
}
