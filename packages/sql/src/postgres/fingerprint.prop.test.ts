import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fingerprintOf, normalForm } from './fingerprint.ts'
import { lex } from './lex.ts'

const formOf = (text: string): string => normalForm(text, lex(text))
const nameOf = (text: string): string => fingerprintOf(text, lex(text))

/** A piece of SQL that is no literal; `name` are names, whose case doesn't matter where they are bare. */
const word = fc.constantFrom(
  'select',
  'id',
  'from',
  'orders',
  'where',
  'total',
  'and',
  '"Weird"',
  '=',
  '(',
  ')',
  '::',
  'f',
)
const literal = fc.oneof(
  fc.nat().map(String),
  fc
    .double({ min: 0, noNaN: true, noDefaultInfinity: true })
    .map(String)
    .filter(text => /^[\d.]+$/.test(text)),
  fc.string({ maxLength: 8 }).map(text => `'${text.replaceAll("'", "''").replaceAll('\\', '')}'`),
  fc.constantFrom("E'a\\'b'", '$$it$$', "U&'d'", '$1', '$27', "X'1f'"),
)
const piece = fc.oneof({ weight: 3, arbitrary: word }, { weight: 1, arbitrary: fc.constant(null) })
const layout = fc.constantFrom(' ', '\n', '\t ', ' /* ' + 'note */ ', ' -- note\n')
const upper = (text: string): string => (text.startsWith('"') ? text : text.toUpperCase())

test('texts that differ only in literals, layout, comments and case of bare words have one fingerprint', () => {
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 15 }),
      fc.infiniteStream(literal),
      fc.infiniteStream(layout),
      fc.infiniteStream(fc.boolean()),
      (pieces, literals, layouts, shouts) => {
        const next = <T>(stream: IterableIterator<T>): T => stream.next().value
        const write = (): string =>
          pieces
            .map(part => (part === null ? next(literals) : next(shouts) ? upper(part) : part))
            .map(part => part + next(layouts))
            .join('')
        expect(nameOf(write())).toBe(nameOf(write()))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('another name, operator or keyword is another fingerprint', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 10 }), fc.nat(), word, (words, at, other) => {
      const changed = words.with(at % words.length, other)
      fc.pre(changed.join(' ') !== words.join(' '))
      expect(nameOf(changed.join(' '))).not.toBe(nameOf(words.join(' ')))
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  ['SELECT a FROM t WHERE b IN (1, 2, -3)', 'select a from t where b in ( ? )'],
  ["insert into t values (1, 'a'), (2, 'b'), (3, $1)", 'insert into t values ( ? )'],
  ["select 'a'\n'b', E'x' || 'y'", 'select ? || ?'],
  ['select a - 1, (-1), "A", a', 'select a - ? , ( ? ) , "A" , a'],
  ['select ÄB from "t" ; ', 'select Äb from "t"'],
])('%j is %j', (text, form) => {
  expect(formOf(text)).toBe(form)
})

test('a fingerprint is short, and stable from release to release', () => {
  expect(nameOf('select id from orders where id = 5')).toBe(nameOf('SELECT  id FROM orders WHERE id = $1 -- x'))
  expect(nameOf('select 1')).toMatch(/^[0-9a-f]{16}$/)
  expect(nameOf('select id from orders where id = 5')).toBe('348d6452185a7da0')
})
