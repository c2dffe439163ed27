// The line that says whether the SDK keeps its word: calm while everything is zero, unmistakable when it is not.

import { eachFrame, part, setText } from './dom.ts';
import type { Ledger } from './lab/ledger.ts';
import { countWords } from './wording.ts';

/** Findings that are shown; the first ones tell most. */
const shownFindings = 3;

/** Shows the ledger's counts in `element` from now on. */
export function showLiveLine(element: HTMLElement, ledger: Ledger): void {
  const draw = eachFrame(() => {
    const { lost, doubled, outOfOrder, failed, messages, deliveries } = ledger.counts;
    element.toggleAttribute('data-broken', lost + doubled + outOfOrder > 0);
    // Only this is read out, and only when it changes.
    setText(part(element, '.verdict'), `lost ${lost} · doubled ${doubled} · out of order ${outOfOrder}`);
    const checked = `${countWords(messages)} messages, ${countWords(deliveries)} deliveries checked`;
    setText(part(element, '.checked'), failed > 0 ? `${checked}, ${countWords(failed)} given up` : checked);
    showFindings(part(element, '.findings'), ledger);
  });
  ledger.onChange(draw);
  draw();
}

function showFindings(list: HTMLElement, ledger: Ledger): void {
  const findings = ledger.findings.slice(0, shownFindings);
  list.hidden = findings.length === 0;
  while (list.childElementCount > findings.length) list.lastElementChild?.remove();
  while (list.childElementCount < findings.length) list.append(document.createElement('li'));
  for (const [index, { words }] of findings.entries()) setText(list.children[index] as HTMLElement, words);
}
