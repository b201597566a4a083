import type { Facts } from '@querywarden/policy-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { usesOf } from '../../test/uses.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { blankComments } from './comments.ts'
import { lex } from './lex.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [17], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const catalog = smallCatalog()
const factsOf = (text: string): Facts => classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)

/** All of the facts that a comment must not change: everything but places. */
const meaningOf = (facts: Facts) =>
  facts.kind === 'opaque'
    ? facts.code
    : {
        tag: facts.tag,
        uses: usesOf(facts),
        prohibitions: facts.prohibitions.map(({ code, message }) => ({ code, message })),
        mentions: facts.mentions.map(({ name, qualifier }) => ({ name, qualifier })),
        copy: facts.copy,
      }

const STATEMENTS = [
  `select o.id, count(*) filter (where o.total > 1.5e3) from public.orders as o where o.note like E'a\\'%' group by 1`,
  `with x as materialized (delete from orders where id = 1 or true returning *) select * from x, crm.contacts`,
  `update "orders" set note = $q$;--/*$q$, total = -1 where id = any(array[1, 2]::int[]) returning *`,
  `insert into orders (id) values ($1), (-2) on conflict (id) do update set note = excluded.note || U&'\\0061'`,
  `merge into orders o using customers c on o.id=c.id when matched and c.name = 'x' then delete`,
  `select (c).email, c.full_name, lower('A'), pg_catalog.lower('A'), 1 === 2 from customers c`,
  `set standard_conforming_strings = off`,
  `copy (select set_config('search_path', 'x', true)) to stdout (format csv)`,
  `alter table orders add column x int default 1*2/3, drop note`,
  `do language plpgsql $$ begin delete from t; end $$`,
]
const COMMENTS = [
  '/**/',
  '/* ; drop table x */',
  '/* /* nested */ */',
  "/* ' */",
  '/*$$*/',
  '-- x\n',
  "--'\r",
  '--$a$\n',
]

describe('T8: comments', () => {
  test('one between any two tokens never changes what a statement does', () => {
    fc.assert(
      fc.property(fc.constantFrom(...STATEMENTS), fc.constantFrom(...COMMENTS), fc.nat(), (text, comment, where) => {
        const gaps = lex(text).map(token => token.start)
        const at = gaps[where % gaps.length] ?? 0
        const commented = `${text.slice(0, at)}${comment}${text.slice(at)}`
        expect(meaningOf(factsOf(commented))).toEqual(meaningOf(factsOf(text)))
      }),
      { numRuns: 2000 },
    )
  })

  test('blanking keeps every byte where it was', () => {
    const part = fc.constantFrom(
      '/*',
      '*/',
      '--',
      '\n',
      '\r',
      "'",
      '"',
      '$$',
      '$a$',
      "E'",
      '\\',
      'ä',
      '😀',
      ' ',
      'x',
      ';',
      '1',
    )
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 30 }).map(parts => parts.join('')),
        text => {
          const blanking = blankComments(text, lex(text))
          if (blanking.kind === 'ambiguous') return
          const [before, after] = [Buffer.from(text), Buffer.from(blanking.text)]
          expect(after.length).toBe(before.length)
          for (const [index, byte] of after.entries()) if (byte !== before[index]) expect(byte).toBe(0x20)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('T5: any text at all', () => {
  const word = fc.constantFrom(
    ...'select from where delete update orders ( ) [ ] , ; :: . = + case when end and or not in is null as with'.split(
      ' ',
    ),
    ...["'a'", '"b"', '$1', '1', '$$', "e'", '/*', '*/', '--', '\n', '\u0000', '\ud800', 'ä', '\u202e'],
  )

  test('tokens cover it, and the classifier answers', () => {
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 40 }).map(words => words.join(' ')),
        text => {
          const tokens = lex(text)
          expect(tokens.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text)
          expect(['understood', 'opaque']).toContain(factsOf(text).kind)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('an understood statement does at least one thing, and its text is one statement', () => {
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 12 }).map(words => words.join(' ')),
        text => {
          const facts = factsOf(text)
          if (facts.kind === 'opaque') return
          expect(facts.uses.length).toBeGreaterThan(0)
          const splitting = classifier.split(text, 17)
          expect(splitting.kind === 'split' && splitting.statements.length).toBe(1)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

test('facts of a split text are the facts of its parts', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STATEMENTS, '', ' -- x\n'), { maxLength: 6 }), texts => {
      const splitting = classifier.split(texts.join(';'), 17)
      const parts = splitting.kind === 'split' ? splitting.statements.map(({ text }) => meaningOf(factsOf(text))) : null
      const expected = texts.filter(text => STATEMENTS.includes(text)).map(text => meaningOf(factsOf(text)))
      expect(parts).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})
