// What the bot says. The same message has the same answer, or a second try would be another message under the same id.

import type { Entry } from '../../../../client-sdk/index.ts';

const quotedCharacters = 40;

/** @param name of the sender */
export function replyTo({ text }: Pick<Entry, 'text'>, name: string): string {
  if (text === undefined) return `Thank you, ${name}. I can only read texts.`;
  if (/^\s*(hi|hello|hey|hola)\b/i.test(text)) return `Hello ${name}, I am the bot. Every message of yours gets one answer.`;
  if (text.trimEnd().endsWith('?')) return `A good question, ${name}. An agent will know more than I do.`;
  return `Noted, ${name}: “${excerpt(text)}”`;
}

/** By code points, so that no surrogate pair is cut. */
function excerpt(text: string): string {
  const characters = Array.from(text.replaceAll(/\s+/g, ' ').trim());
  return characters.length <= quotedCharacters ? characters.join('') : `${characters.slice(0, quotedCharacters).join('')}…`;
}
