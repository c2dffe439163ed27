// What happens to the text of a message before it is stored. `strip` leaves nothing that an HTML parser would take for a tag
// and touches nothing else: `a < b && c > d`, `&amp;` and emoji stay as they are. Entities are never decoded.

import type { Settings } from '../config.ts';

// NUL cannot be stored; bidi overrides and isolates let a text pretend to read otherwise than it does.
const removedCharacters = /[\u0000\u202a-\u202e\u2066-\u2069]/g;

/** The text as it is stored. Idempotent; never longer than its input. */
export function applyTextPolicy(text: string, policy: Settings['textPolicy']): string {
  const cleaned = text.replace(removedCharacters, '');
  return policy === 'strip' && cleaned.includes('<') ? stripTags(cleaned) : cleaned;
}

/**
 * Removes every `<` that begins a tag together with what follows up to its `>`, also tags that only appear when an inner one
 * is gone, in one pass: `opened` holds where each `<` stands in the output. A `<` of a tag that never closes is removed alone.
 */
function stripTags(text: string): string {
  const output: string[] = [];
  let opened: number[] = [];
  for (const character of text) {
    if (character === '>') {
      while (opened.length > 0 && !beginsTag(output[(opened.at(-1) as number) + 1])) opened.pop();
      const start = opened.pop();
      if (start !== undefined) {
        output.length = start;
        continue;
      }
      // What stands behind an open `<` is fixed now, so none of them can begin a tag any more.
      opened = [];
    } else if (character === '<') opened.push(output.length);
    output.push(character);
  }
  return withoutUnclosed(output);
}

/** From the end, since a removed `<` may make the one before it the beginning of a tag. */
function withoutUnclosed(characters: string[]): string {
  const kept: string[] = [];
  for (let i = characters.length - 1; i >= 0; i--) {
    const character = characters[i] as string;
    if (character === '<' && beginsTag(kept.at(-1))) continue;
    kept.push(character);
  }
  return kept.reverse().join('');
}

/** HTML standard, tag open state: a letter, `/`, `!` or `?` after `<` begins a tag, a comment or the like. */
function beginsTag(character: string | undefined): boolean {
  return character !== undefined && /^[A-Za-z/!?]$/.test(character);
}
