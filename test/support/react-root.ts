// A place for React to render to without a browser: text only, which is what the components of these tests show.

import { createElement, type ReactNode, StrictMode } from 'react';

/** As much of a DOM node as React touches when a tree is made of text. */
export class TextContainer {
  readonly nodeType = 1;
  readonly nodeName = 'DIV';
  readonly tagName = 'DIV';
  readonly namespaceURI = 'http://www.w3.org/1999/xhtml';
  readonly childNodes: { nodeValue: string }[] = [];
  readonly ownerDocument = {
    nodeType: 9,
    activeElement: null,
    addEventListener: () => {},
    createTextNode: (text: string) => ({ nodeType: 3, nodeValue: text }),
  };

  addEventListener(): void {}
  removeEventListener(): void {}

  appendChild(child: { nodeValue: string }): void {
    this.insertBefore(child, undefined);
  }

  insertBefore(child: { nodeValue: string }, next: { nodeValue: string } | undefined): void {
    this.removeChild(child);
    this.childNodes.splice(next ? this.childNodes.indexOf(next) : this.childNodes.length, 0, child);
  }

  removeChild(child: { nodeValue: string }): void {
    const at = this.childNodes.indexOf(child);
    if (at >= 0) this.childNodes.splice(at, 1);
  }

  get firstChild(): { nodeValue: string } | undefined {
    return this.childNodes[0];
  }

  get textContent(): string {
    return this.childNodes.map(({ nodeValue }) => nodeValue).join('');
  }

  set textContent(text: string) {
    this.childNodes.splice(0, this.childNodes.length, ...(text ? [{ nodeValue: text }] : []));
  }
}

/** The tree as development builds check it: every effect twice. */
export const strict = (children: ReactNode) => createElement(StrictMode, null, children);
