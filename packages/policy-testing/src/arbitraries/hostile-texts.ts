import fc from 'fast-check'

/** Any text at all: every code unit, so halves of surrogate pairs and NUL too, and fragments that look like SQL. */
export const hostileTexts = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.nat(0xffff), { maxLength: 40 }).map(units => String.fromCharCode(...units)),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 20 }).map(parts => parts.join(' ')),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 20 }).map(parts => parts.join('')),
  )

const FRAGMENTS = [
  'select',
  'from',
  'where',
  'delete',
  'with',
  'as',
  'union',
  'all',
  'customers',
  'public.',
  '*',
  '(',
  ')',
  ',',
  ';',
  "'",
  '"',
  '$$',
  '$a$',
  "e'\\",
  "U&'",
  '--',
  '/*',
  '*/',
  '\n',
  '\r',
  '1',
  '.',
  '::',
  '$1',
  '\u{0}',
  '\u{d800}',
  'é',
  '\u{202e}',
]
