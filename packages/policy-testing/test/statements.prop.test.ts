import { EFFECTS, type Effect, type UsedRelation } from '@querywarden/policy-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { catalogOf, statements, type WrittenStatement } from '../src/index.ts'

const TYPES = { integer: 23, text: 25, jsonb: 3802, numeric: 1700, 'public.mood': 20_001 } as const

const table = (
  oid: number,
  schema: string,
  name: string,
  columns: Readonly<Record<string, keyof typeof TYPES>>,
): UsedRelation => ({
  schema,
  name,
  oid,
  kind: 'table',
  columns: Object.entries(columns).map(([column, type], index) => ({
    name: column,
    attnum: index + 1,
    typeOid: TYPES[type],
    typmod: -1,
    type,
    origins: [{ schema, name, column }],
  })),
})

const catalog = catalogOf([
  table(1, 'public', 'customers', { id: 'integer', name: 'text', ssn: 'text', mood: 'public.mood' }),
  table(2, 'public', 'orders', { id: 'integer', customer_id: 'integer', total: 'numeric' }),
  table(3, 'hr', 'Odd "Name', { User: 'text', notes: 'jsonb' }),
])

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

/** What statements come down to for which something isn't so, over some seeds. */
const shrunk = (isFine: (written: WrittenStatement) => boolean, options = {}): readonly string[] =>
  SEEDS.map(seed => {
    const { counterexample } = fc.check(fc.property(statements(catalog, options), isFine), { seed, numRuns: 2_000 })
    return counterexample?.[0].text ?? 'nothing'
  })

const reads = (column: string) => (written: WrittenStatement) =>
  written.columns.some(one => one.column === column && one.isRead)

describe('statements shrink', () => {
  test('to a star on the first relation where anything will do', () => {
    expect(new Set(shrunk(() => false))).toEqual(new Set(['SELECT * FROM public.customers']))
  })

  test.each([
    ['delete', 'DELETE FROM public.customers'],
    ['truncate', 'TRUNCATE TABLE public.customers cascade'],
  ])('to a bare %s', (verb, smallest) => {
    expect(new Set(shrunk(written => written.verb !== verb))).toEqual(new Set([smallest]))
  })

  test('an update to one column, an insert to one column and row, neither with a condition', () => {
    for (const text of shrunk(({ verb }) => verb !== 'update'))
      expect(text).toMatch(/^UPDATE public\.customers SET \w+ = \S+$/)
    for (const text of shrunk(({ verb }) => verb !== 'insert'))
      expect(text).toMatch(/^INSERT INTO public\.customers \(\w+\) VALUES \(\S+\)$/)
  })

  test('a read of one column to a query of one table, nearly always', () => {
    const texts = shrunk(written => !reads('ssn')(written), { effects: ['read'] })
    expect(median(texts)).toBeLessThan(40)
    for (const text of texts) expect(text.length).toBeLessThan(120)
  })

  test('what takes two relations to little more than them', () => {
    const texts = shrunk(({ relations }) => relations.length < 2, { effects: ['read'] })
    expect(median(texts)).toBeLessThan(65)
  })
})

const median = (texts: readonly string[]): number =>
  texts.map(({ length }) => length).sort((a, b) => a - b)[Math.floor(texts.length / 2)] ?? 0

describe('statements keep to what they are asked for', () => {
  test.each<readonly [readonly Effect[]]>([
    [['read']],
    [['write']],
    [['ddl']],
    [['dcl']],
    [['session']],
    [['transaction']],
    [['procedural']],
    [['maintenance']],
    [['external']],
    [['ddl', 'read']],
  ])('effects %j', effects => {
    const written = fc.sample(statements(catalog, { effects }), { numRuns: 300, seed: 1 })
    expect(new Set(written.flatMap(({ effects }) => effects)).size).toBeGreaterThan(0)
    for (const { effects: own } of written) expect(own.filter(effect => !effects.includes(effect))).toEqual([])
  })

  test('access', () => {
    for (const access of [
      'select',
      'insert',
      'update',
      'delete',
      'truncate',
      'lock',
      'copy',
      'ddl',
      'maintain',
    ] as const) {
      const written = fc.sample(statements(catalog, { effects: EFFECTS, access: [access] }), { numRuns: 100, seed: 1 })
      expect(written.every(({ relations }) => relations.some(use => use.access === access))).toBe(true)
    }
  })

  test('all kinds are written, in some variety, and none is huge', () => {
    const written = fc.sample(statements(catalog, { effects: EFFECTS }), { numRuns: 4_000, seed: 1 })
    expect(new Set(written.map(({ verb }) => verb)).size).toBeGreaterThan(25)
    const all = written.map(({ text }) => text).join('\n')
    const forms = [
      /LEFT JOIN/,
      /USING \(/,
      /GROUP BY/,
      /HAVING/,
      /DISTINCT/,
      /UNION/,
      /\bexists \(/,
      / IN \(/,
      /CASE/,
      /^WITH/m,
    ]
    for (const form of forms) expect(all).toMatch(form)
    expect(all).toContain('hr."Odd ""Name"')
    expect(Math.max(...written.map(({ text }) => text.length))).toBeLessThan(4_000)
  })

  test('what can never be written is said at once', () => {
    expect(() => statements(catalogOf([]), { effects: ['write'] })).toThrow(
      'nothing that such a statement could be about',
    )
    expect(() => statements(catalog, { effects: ['unknown'] })).toThrow('nothing that such a statement could be about')
  })
})
