import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { MAJORS } from '../src/postgres/engine.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { type Outline, outlineOf } from '../src/postgres/outline.ts'
import { corpusTexts } from './attack-corpus.ts'
import { smallCatalog } from './small-catalog.ts'

let remembering: PostgresClassifier
let forgetful: PostgresClassifier
beforeAll(async () => {
  remembering = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 1_000, limits: DEFAULT_LIMITS })
  forgetful = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const catalog = smallCatalog()
const ask = (text: string) => ({ dialect: 'postgres', text, params: [] }) as const

const INTEGERS = ['0', '1', '7', '25', '123456789']
const STRINGS = [
  "''",
  "'x'",
  "'it''s; drop table customers --'",
  "'/* '",
  "'public.customers'",
  "'customers'",
  "'on'",
  "'search_path'",
  "'%'",
  "'$1'",
]

/** The text with other values in its literals. */
function withOthers({ text, literals }: Outline, pick: (choices: readonly string[], at: number) => string): string {
  let made = ''
  let from = 0
  for (const [at, { start, end }] of literals.entries()) {
    made += text.slice(from, start) + pick(text[start] === "'" ? STRINGS : INTEGERS, at)
    from = end
  }
  return made + text.slice(from)
}

/** One statement of each kind, with literals wherever they may stand. */
const TEXTS = [
  'select id from customers where id = 5',
  "select id, 'a' from customers where ssn = 'x' and id in (1, 2, 3) order by 1 limit 10 offset 5;",
  "select * from customers c where c.ssn like '%x%' and exists (select 1 from orders o where o.id = 7)",
  'insert into orders (id) values (5)',
  'update orders set id = 5 where 1 = 1',
  'update orders set id = 5 where id = 1',
  'delete from orders where 1 = 1',
  "delete from orders where id = 5 or 'a' = 'a'",
  "select set_config('search_path', 'x', false)",
  "select nextval('orders'), 'customers'::regclass, 'x'::text, interval '1 day', date '2020-01-01'",
  "select query_to_xml('select ssn from customers', true, false, '')",
  "select pg_read_file('customers')",
  "set search_path = 'x'",
  'set statement_timeout = 5',
  "copy orders to 'x'",
  "copy (select 5) to stdout with (format 'csv')",
  "select float '5', varchar(10) 'x', cast(5 as numeric(10, 2)), 5::float(24)",
  'select -5, - 5, 5 - 5, +5, 5.0, 1e5, 0x1f, 05',
  "select 'a'\n'b', E'a', U&'a', B'1', X'1f', N'a', $$a$$, $1",
  "values (1, 'x'), (2, 'y')",
  "select case 5 when 1 then 'a' else 'b' end, array[1, 2], (array[1, 2])[1:2], row(1, 'x')",
  "select extract('year' from now()), substring('abc' from 1 for 2), trim('x' from 'xax'), position('a' in 'b')",
  'explain select 5',
  "do 'begin end'",
  "create table t (a int default 5, b text check (b <> 'x'))",
  'with c as (select 5 as a) select a from c where a = 5 fetch first 5 rows only',
  'select count(*) filter (where id = 5), sum(id) over (order by id rows 5 preceding) from orders',
  'select * from generate_series(1, 5) g where g > 3',
  "listen x; notify x, 'y'",
  'select 1;;',
]

async function compare(text: string, pick: Parameters<typeof withOthers>[1]): Promise<void> {
  const outline = outlineOf(text)
  if (outline === null) return
  remembering.split(text, catalog.major)
  remembering.classify(ask(outline.text), catalog)
  const other = withOthers(outline, pick)
  for (const behind of ['', ';', ' ; '])
    expect(remembering.split(other + behind, catalog.major)).toEqual(forgetful.split(other + behind, catalog.major))
  expect(remembering.classify(ask(other), catalog)).toEqual(forgetful.classify(ask(other), catalog))
}

describe('T1: a statement known but for its literals is understood as if it were read anew', () => {
  test.each(TEXTS)('%j', async text => {
    for (let round = 0; round < STRINGS.length; round++)
      await compare(text, (choices, at) => choices[(round + at) % choices.length] ?? '')
  })

  test.each(['leak', 'benign'] as const)('the statements of the %s corpus', async part => {
    let compared = 0
    for (const { texts } of await corpusTexts(part))
      for (const text of texts) {
        if ((outlineOf(text)?.literals.length ?? 0) > 0) compared += 1
        for (let round = 0; round < 4; round++)
          await compare(text, (choices, at) => choices[(round * 3 + at) % choices.length] ?? '')
      }
    expect(compared).toBeGreaterThan(20)
  })

  test('any mixture of what literals, quotes and comments are made of', async () => {
    const pieces = fc.constantFrom(
      ...["'", "''", '"', '\\', '-- ', '/*', '*/', ';', ' ', '\n', '5', 'a', 'e', 'U&', '$$', '(', ')', ',', '=', '+'],
      ...['select ', "'x'", ' from customers', ' where id = 5', '1.5', '$1', '::regclass', '#'],
    )
    const texts = fc.array(pieces, { maxLength: 12 }).map(parts => `select ${parts.join('')}`)
    await fc.assert(
      fc.asyncProperty(texts, fc.nat(9), (text, round) =>
        compare(text, (choices, at) => choices[(round + at) % choices.length] ?? ''),
      ),
      { numRuns: 1_500 },
    )
  })

  test('the memory is used: a value that nothing looks at costs no second parse', async () => {
    const parsed = remembering.classify(ask('select id from orders where id = 11'), catalog)
    const alike = remembering.classify(ask('select id from orders where id = 12'), catalog)
    expect(parsed.kind === 'understood' && alike.kind === 'understood' && parsed.uses === alike.uses).toBe(true)
  })

  test('the memory is not used where a literal was looked at', async () => {
    const one = remembering.classify(ask("select set_config('application_name', 'x', false)"), catalog)
    const other = remembering.classify(ask("select set_config('search_path', 'x', false)"), catalog)
    expect(one).not.toEqual(other)
    const bounded = remembering.classify(ask('delete from orders where 1 = 2'), catalog)
    const unbounded = remembering.classify(ask('delete from orders where 1 = 1'), catalog)
    expect(bounded).not.toEqual(unbounded)
  })
})
