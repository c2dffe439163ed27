// The text policy `strip`: nothing is left that an HTML parser would take for a tag, and nothing else is touched.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyTextPolicy } from '../../../server/domain/text-policy.ts';

const strip = (text: string) => applyTextPolicy(text, 'strip');
/** HTML standard, tag open state. */
const tagOpen = /<[A-Za-z/!?]/;

const untouched = [
  'a < b && c > d',
  '&amp; &lt;b&gt; &#60;script&#62;',
  'i <3 u',
  '1 < 2 > 0',
  '👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301',
  '<',
  '<>',
  '< b >',
  '<<<>>>',
  '-> <- <=> => <=',
  'if (a<1||b>2) return;',
  '\t lines\r\nand\u00a0spaces ',
  '',
];

const removed: [text: string, left: string][] = [
  ['<b>bold</b>', 'bold'],
  ['<script>alert(1)</script>', 'alert(1)'],
  ['x<br/>y', 'xy'],
  ['<!-- comment -->shown', 'shown'],
  ['<!DOCTYPE html><?xml version="1.0"?>text', 'text'],
  ['<img src=x onerror=alert(1)>', ''],
  ['<scr<script>ipt>alert(1)</scr</script>ipt>', 'alert(1)'],
  ['<<script>script>alert(1)', 'alert(1)'],
  ['unclosed <b', 'unclosed b'],
  ['unclosed <img src=x onerror=alert(1)', 'unclosed img src=x onerror=alert(1)'],
  ['</b', '/b'],
  ['<<b', 'b'],
  ['a <b> < c', 'a  < c'],
  ['1 < 2 <i>x</i> > 0', '1 < 2 x > 0'],
];

const attacks = [
  '<svg/onload=alert(1)>',
  '<svg><script>alert&#40;1&#41;</script>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<a href="javas\tcript:alert(1)">x</a>',
  '<IMG """><SCRIPT>alert("XSS")</SCRIPT>"\\>',
  '<img src="x` `<script>javascript:alert(1)</script>"` `>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<script\u0000>alert(1)</script>',
  '<\u202escript>alert(1)</script>',
  '<scr\u0000ipt>alert(1)</scr\u0000ipt>',
  '<\u0000script>alert(1)',
  '<details open ontoggle=alert(1)>',
  '<body onload=alert(1)',
  '<%3Cscript>alert(1)</script>',
  '<style>@import"javascript:alert(1)";</style>',
  '<![CDATA[<img src=x onerror=alert(1)>]]>',
  '<!--[if gte IE 4]><script>alert(1)</script><![endif]-->',
  '<x onclick=alert(1)//<x onclick=alert(2)//',
  '<<<<<script>>>>>alert(1)<<<<</script>>>>>',
  '<a<a<a<a>href=x>y>z>',
  '<\u2066b>',
];

describe('strip', () => {
  test.each(untouched)('leaves %j as it is', (text) => expect(strip(text)).toBe(text));
  test.each(removed)('makes of %j', (text, left) => expect(strip(text)).toBe(left));
  test.each(attacks)('leaves no tag of %j', (text) => expect(strip(text)).not.toMatch(tagOpen));

  test('removes NUL and bidirectional overrides, under both policies', () => {
    const text = 'a\u0000b\u202ac\u202bd\u202ce\u202df\u202eg\u2066h\u2067i\u2068j\u2069k';
    expect(strip(text)).toBe('abcdefghijk');
    expect(applyTextPolicy(text, 'raw')).toBe('abcdefghijk');
    // Marks that languages need stay.
    expect(strip('\u200e\u200f\u061c\u200d')).toBe('\u200e\u200f\u061c\u200d');
  });

  test('raw leaves markup', () => expect(applyTextPolicy('<b>x</b>', 'raw')).toBe('<b>x</b>'));
});

describe('strip, any text', () => {
  const fragment = fc.constantFrom(
    '<',
    '>',
    '<',
    'b',
    '/',
    '!',
    '?',
    ' ',
    '3',
    '<a',
    '</a>',
    '<!--',
    '-->',
    '&lt;',
    '\u0000',
    '\u202e',
    '😀',
  );
  const markup = fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join(''));
  const text = fc.oneof(markup, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
  const runs = { numRuns: 5_000 };

  test('has no tag open left', () => {
    fc.assert(
      fc.property(text, (value) => !tagOpen.test(strip(value))),
      runs,
    );
  });

  test('is idempotent', () => {
    fc.assert(
      fc.property(text, (value) => {
        const once = strip(value);
        expect(strip(once)).toBe(once);
      }),
      runs,
    );
  });

  test('only takes characters away', () => {
    fc.assert(
      fc.property(text, (value) => {
        let at = 0;
        for (const character of strip(value)) {
          at = value.indexOf(character, at);
          if (at < 0) return false;
          at += character.length;
        }
        return true;
      }),
      runs,
    );
  });

  test('without a < it only loses NUL and overrides', () => {
    fc.assert(
      fc.property(text, (value) => {
        const plain = value.replaceAll('<', '');
        expect(strip(plain)).toBe(plain.replace(/[\0\u202a-\u202e\u2066-\u2069]/g, ''));
      }),
      runs,
    );
  });

  test('a < before a space or a digit stays, whatever follows it', () => {
    fc.assert(
      fc.property(fc.constantFrom(' ', '3', '=', '-'), fc.string({ unit: fc.constantFrom('a', ' ', '3', 'b') }), (next, rest) => {
        const value = `x <${next}${rest}`;
        expect(strip(value)).toBe(value);
      }),
    );
  });
});

describe('strip, the longest texts', () => {
  // A quadratic pass over any of these would not end within the time of a test.
  test.each(['<', '<a', '<a>', '<<a>', '< ', '>', '<>'])('%j repeated', (unit) => {
    const once = strip(unit.repeat(400_000));
    expect(once).not.toMatch(tagOpen);
    expect(once.length).toBeLessThanOrEqual(unit.length * 400_000);
  });

  test('of 8,000 open brackets all stay, and of 8,000 open tags none', () => {
    expect(strip('<'.repeat(8_000))).toBe('<'.repeat(8_000));
    expect(strip('<a'.repeat(4_000))).toBe('a'.repeat(4_000));
    expect(strip(`${'<'.repeat(4_000)}a${'>'.repeat(4_000)}`)).not.toMatch(tagOpen);
  });
});
