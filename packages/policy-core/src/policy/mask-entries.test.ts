import { expect, test } from 'vitest'
import type { ColumnMarks, UsedColumn, UsedRelation } from '../facts.ts'
import type { Principal } from '../principal.ts'
import { compilePolicy } from './compile.ts'
import { parsePolicy } from './parse.ts'

const parsed = (...masks: readonly object[]) => parsePolicy({ version: 1, rules: [], masks })
const trouble = (...masks: readonly object[]): string => {
  try {
    parsed(...masks)
    return 'none'
  } catch (error) {
    return String(error)
  }
}

test('an entry is on columns, tags, types or what detectors find, and on one of them', () => {
  const { masks } = parsed(
    { columns: ['*.*.ssn'], with: 'redact' },
    { tags: ['pii.ssn', 'PII.*'], with: 'redact' },
    { types: ['public.ssn_t', 'inet', 'timestamp with time zone', '*.money_*'], with: 'redact' },
    { detect: ['email'], with: 'redact' },
  )
  expect(masks.map(({ kind }) => kind)).toEqual(['columns', 'tags', 'types', 'detect'])
  expect(trouble({ tags: ['a'], types: ['b'], with: 'redact' })).toContain(
    'exactly one of columns, tags, types, detect',
  )
  expect(trouble({ with: 'redact' })).toContain('exactly one of columns, tags, types, detect')
  expect(trouble({ tags: ['pii ssn'], with: 'redact' })).toContain('tags[0]: can match nothing, expected a tag')
  expect(trouble({ types: ['a.b.c'], with: 'redact' })).toContain(
    'types[0]: can match nothing, expected the name of a type',
  )
})

test('P4: equality is for hashes alone, and lookups for equality; an error says what to write', () => {
  const [mask] = parsed({
    tags: ['pii.ssn'],
    with: 'hash',
    predicates: 'equality',
    lookups: { 'per-minute': 10, 'per-day': 100 },
  }).masks
  expect(mask).toMatchObject({ predicates: 'equality', lookups: { perMinuteMax: 10, perDayMax: 100 } })
  expect(parsed({ tags: ['a'], with: 'null', predicates: 'deny' }).masks[0]).toMatchObject({ predicates: 'deny' })
  for (const other of ['redact', 'partial', 'email'])
    expect(trouble({ tags: ['a'], with: other, predicates: 'equality' })).toContain('predicates: equality shows which')
  expect(trouble({ tags: ['a'], with: 'hash', lookups: { 'per-day': 1 } })).toContain(
    'lookups: only under predicates: equality',
  )
  expect(trouble({ tags: ['a'], with: 'hash', predicates: 'equality', lookups: {} })).toContain('per-minute or per-day')
  expect(trouble({ detect: ['email'], with: 'hash', predicates: 'deny' })).toContain('there are no predicates')
  expect(trouble({ tags: ['a'], with: 'hash', predicates: 'equals' })).toContain('predicates')
})

const NONE: ColumnMarks = { tags: [], types: [] }
const marks = (tags: readonly string[], ...types: readonly (readonly [string, string])[]): ColumnMarks => ({
  tags,
  types: types.map(([schema, name]) => ({ schema, name })),
})
const column = (name: string, more: Partial<UsedColumn>): UsedColumn => ({
  name,
  attnum: 1,
  typeOid: 25,
  typmod: -1,
  type: 'text',
  origins: [{ schema: 's', name: 't', column: name }],
  ...more,
})
const relation = (columns: readonly UsedColumn[], kind: UsedRelation['kind'] = 'table'): UsedRelation => ({
  schema: 's',
  name: 't',
  oid: 1,
  kind,
  columns,
})
const PRINCIPAL: Principal = {
  issuer: 'i',
  subject: 'p',
  groups: [],
  actor: null,
  expiresAt: 0,
  credentialDigest: null,
}
const standing = (...masks: readonly object[]) =>
  compilePolicy(parsed(...masks), { version: '1' }).for(PRINCIPAL, { name: 'app', dialect: 'postgres' })
const covered = (columns: readonly UsedColumn[], ...masks: readonly object[]): readonly string[] =>
  standing(...masks)
    .maskedColumns(relation(columns))
    .map(masked => masked.column.name)

test('P2: a tag is found by its name or a pattern, whatever its case', () => {
  const columns = [
    column('ssn', { marks: marks(['pii.ssn']) }),
    column('name', { marks: marks(['pii.name.first']) }),
    column('other', { marks: marks(['piissn', 'spii.ssn']) }),
  ]
  expect(covered(columns, { tags: ['PII.SSN'], with: 'redact' })).toEqual(['ssn'])
  expect(covered(columns, { tags: ['pii.*'], with: 'redact' })).toEqual(['ssn', 'name'])
})

test('P2: a type is found in any schema by its bare name, in one by both, and by the name that SQL has for it', () => {
  const columns = [
    column('ip', { marks: marks([], ['pg_catalog', 'inet']) }),
    column('odd', { marks: marks([], ['lab', 'inet']) }),
    column('at', { marks: marks([], ['pg_catalog', 'timestamptz']) }),
    column('n', { marks: marks([], ['pg_catalog', 'int4']) }),
  ]
  expect(covered(columns, { types: ['inet'], with: 'null' })).toEqual(['ip', 'odd'])
  expect(covered(columns, { types: ['lab.inet'], with: 'null' })).toEqual(['odd'])
  expect(covered(columns, { types: ['lab.*'], with: 'null' })).toEqual(['odd'])
  expect(covered(columns, { types: ['timestamp with time zone', 'INTEGER'], with: 'null' })).toEqual(['at', 'n'])
})

test('N3: a column of which marks aren’t known may have any', () => {
  expect(covered([column('a', {}), column('b', { marks: NONE })], { tags: ['x'], with: 'null' })).toEqual(['a'])
  expect(covered([column('a', {}), column('b', { marks: NONE })], { types: ['x'], with: 'null' })).toEqual(['a'])
  expect(covered([column('a', {})], { columns: ['x.y.z'], with: 'null' })).toEqual([])
})

test('its own masks are those by its own name, tags and type', () => {
  const own = standing({ tags: ['pii.*'], with: 'redact' }, { types: ['inet'], with: 'null' })
  const view = relation(
    [
      column('from_base', { marks: marks(['pii.ssn'], ['pg_catalog', 'inet']), ownMarks: NONE }),
      column('itself', { marks: marks(['pii.ssn', 'pii.a']), ownMarks: marks(['pii.a']) }),
    ],
    'derived',
  )
  expect(own.maskedColumns(view).map(masked => [masked.column.name, masked.mask.kind])).toEqual([
    ['from_base', 'null'],
    ['itself', 'redact'],
  ])
  expect(own.ownMasks(view).map(masked => masked.column.name)).toEqual(['itself'])
})

test('another entry never shows more: not the value, not by predicates, not by a larger budget', () => {
  const hash = { tags: ['a'], with: 'hash', predicates: 'equality', lookups: { 'per-day': 9 } }
  const of = (...masks: readonly object[]) =>
    standing(...masks).maskedColumns(relation([column('c', { marks: marks(['a'], ['pg_catalog', 'text']) })]))[0]
  expect(of(hash)).toMatchObject({ mask: { kind: 'hash' }, predicates: 'equality', lookups: { perDayMax: 9 } })
  expect(of(hash, { types: ['text'], with: 'hash' })).toMatchObject({ predicates: 'on-mask' })
  expect(of(hash, { types: ['text'], with: 'redact' })).toMatchObject({
    mask: { kind: 'redact' },
    predicates: 'on-mask',
  })
  expect(of(hash, { types: ['text'], with: 'partial', predicates: 'deny' })).toMatchObject({
    mask: { kind: 'hash' },
    predicates: 'deny',
  })
  expect(
    of(hash, { types: ['text'], with: 'hash', predicates: 'equality', lookups: { 'per-minute': 1, 'per-day': 50 } }),
  ).toMatchObject({ predicates: 'equality', lookups: { perMinuteMax: 1, perDayMax: 9 } })
})
