import { POSTGRES_MAJORS, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { type Catalog, relationKey, type UsedColumn } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogOf } from '../../../test/adversarial-database.ts'
import { MASKED_WORLD } from '../../../test/masked-world.ts'
import { withVersion } from '../../../test/schema-versions.ts'
import { tagsIn } from './column-marks.ts'

const TAGGED = `
comment on column hr.people.ssn is E'The number.\\nquerywarden: pii.ssn, Secret\\nand more';
comment on column hr.payments_old.iban is 'querywarden: bank';
comment on column hr.grandchild.secret is 'querywarden: of.child';
comment on column hr.computed.last is '(querywarden: pii.name)';
comment on column lab.person.ssn is 'querywarden: of.attribute';
comment on column hr.domained.plain is 'not.querywarden: no';
comment on column lab.renamed.a is 'see "querywarden: quoted" for more';
comment on table hr.domained is 'querywarden: of.the.table';
comment on constraint people_pkey on hr.people is 'querywarden: of.a.constraint';
`

describe.each(POSTGRES_MAJORS)('where values come from on PostgreSQL %i', major => {
  let server: PostgresServer
  let catalog: Catalog
  beforeAll(async () => {
    server = await startPostgres({ major, database: 'world' })
    await server.exec(MASKED_WORLD)
    await server.exec(TAGGED)
    catalog = await catalogOf(server)
  }, 120_000)
  afterAll(() => server?.stop())

  const column = (path: string, from = catalog): UsedColumn => {
    const [schema = '', name = '', ...rest] = path.split('.')
    const found = from.relations.get(relationKey({ schema, name }))?.columns.find(each => each.name === rest.join('.'))
    if (found === undefined) throw new Error(`no column ${path}`)
    return found
  }
  const origins = (path: string) =>
    column(path).origins.map(origin => `${origin.schema}.${origin.name}.${origin.column}`)
  const tags = (path: string) => column(path).marks?.tags
  const types = (path: string) => column(path).marks?.types.map(type => `${type.schema}.${type.name}`)

  test.each([
    ['a renamed view', 'lab.renamed.b', 'hr.people.ssn'],
    ['a view of a view, under a quoted name', 'lab.nested.Other name', 'hr.people.ssn'],
    ['a security_barrier view', 'lab.barrier.ssn', 'hr.people.ssn'],
    ['a security_invoker view', 'lab.invoker.ssn', 'hr.people.ssn'],
    ['an expression of a view', 'lab.expressed.start', 'hr.people.ssn'],
    ['a constant beside it, which what is read may tell of', 'lab.expressed.one', 'hr.people.ssn'],
    ['a recursive view', 'lab.recursive.ssn', 'hr.people.ssn'],
    ['a materialized view of views', 'lab.stored.kept', 'hr.people.ssn'],
    ['a view of a materialized view', 'lab.over_stored.kept', 'hr.people.ssn'],
    ['a partition of a partition', 'hr.payments_old.iban', 'hr.payments.iban'],
    ['a partitioned table', 'hr.payments.iban', 'hr.payments_old.iban'],
    ['a sibling, by way of the partitioned table', 'hr.payments_2024.iban', 'hr.payments_old.iban'],
    ['a materialized view of a view of a partition', 'lab.deep.x', 'hr.payments.iban'],
    ['an inheritance parent', 'hr.parent.k', 'hr.grandchild.k'],
    ['an inheritance child', 'hr.grandchild.secret', 'hr.child.secret'],
    ['a generated column', 'hr.computed.whole', 'hr.computed.last'],
    ['a column of a row type', 'hr.moved.who', 'hr.people.ssn'],
    ['an array of a row type', 'hr.moved.all_of_them', 'hr.people.ssn'],
    ['a domain over a composite type', 'hr.wrapped.one', 'lab.person.ssn'],
    ['an array of a composite type', 'hr.wrapped.many', 'lab.person.ssn'],
    ['a table of a composite type', 'hr.typed.ssn', 'lab.person.ssn'],
    ['a foreign key', 'hr.refers.ssn', 'hr.people.ssn'],
    ['a vector that a trigger makes', 'hr.searched.words', 'hr.searched.body'],
    ['a foreign table, which may lead back here', 'lab.far.code', 'hr.people.ssn'],
    ['a foreign table of who knows what', 'lab.payments.iban', 'elsewhere.payments.iban'],
    ['a view of a foreign table', 'lab.over_far.code', 'hr.people.ssn'],
  ])('P1, P2: %s: %s shows %s', (_, path, origin) => {
    expect(origins(path)).toContain(origin)
  })

  test('what shows nothing else is its own only origin', () => {
    const alone = ['hr.people.ssn', 'hr.refers.plain', 'hr.searched.plain', 'hr.moved.plain', 'hr.wrapped.plain']
    // LIKE copies the structure, and no row.
    for (const path of [...alone, 'hr.computed.last', 'lab.alike.ssn']) expect(origins(path)).toEqual([path])
  })

  test('the steps of all relations lead to the origins of each column, and to no others', () => {
    for (const { schema, name, columns } of catalog.relations.values()) {
      for (const { name: own, origins: expected } of columns) {
        const reached = followed(catalog, JSON.stringify([schema, name, own]))
        expect([...reached].sort()).toEqual(
          expected.map(each => JSON.stringify([each.schema, each.name, each.column])).sort(),
        )
      }
    }
  })

  test('P2: tags spread along origins, and no further', () => {
    expect(tags('hr.people.ssn')).toEqual(['pii.ssn', 'secret'])
    for (const path of ['lab.renamed.b', 'lab.over_stored.kept', 'hr.moved.who', 'hr.refers.ssn', 'lab.far.code'])
      expect([path, tags(path)]).toEqual([path, expect.arrayContaining(['pii.ssn', 'secret'])])
    // Given to one partition only, and to a child only.
    for (const path of ['hr.payments.iban', 'hr.payments_2024.iban', 'lab.deep.x']) expect(tags(path)).toEqual(['bank'])
    expect(tags('hr.child.secret')).toEqual(['of.child'])
    expect(tags('hr.computed.whole')).toEqual(['pii.name'])
    for (const path of ['hr.wrapped.one', 'hr.wrapped.many', 'hr.typed.ssn'])
      expect([path, tags(path)]).toEqual([path, ['of.attribute']])
    for (const path of ['hr.people.note', 'hr.computed.first', 'hr.domained.plain', 'hr.domained.s', 'lab.alike.id'])
      expect([path, tags(path)]).toEqual([path, []])
    // What a comment quotes may be meant: the stricter reading holds.
    expect(column('lab.renamed.a').ownMarks?.tags).toContain('quoted')
    expect(column('lab.renamed.b').ownMarks?.tags).toEqual([])
  })

  test('types are those of a column with all that they are made of, and of its origins', () => {
    expect(types('hr.people.ssn')).toEqual(['pg_catalog.text'])
    expect(types('hr.domained.s')?.sort()).toEqual(['lab.ssn_t', 'lab.strict_ssn', 'pg_catalog.text'])
    expect(types('hr.domained.several')?.sort()).toEqual(['lab._ssn_t', 'lab.ssn_t', 'pg_catalog.text'])
    expect(types('hr.wrapped.many')).toEqual(expect.arrayContaining(['lab._person', 'lab.person', 'lab.ssn_t']))
    expect(types('hr.wrapped.one')).toEqual(expect.arrayContaining(['lab.person_d', 'lab.person', 'lab.ssn_t']))
    expect(types('hr.booked.during')?.sort()).toEqual(['pg_catalog.int4', 'pg_catalog.int4range'])
    expect(types('hr.computed.plain')).toEqual(['pg_catalog.int4'])
    expect(types('lab.stored.kept')).toContain('pg_catalog.int4')
    expect(column('lab.stored.kept').ownMarks?.types).toEqual([{ schema: 'pg_catalog', name: 'text' }])
  })

  test('N1: a tag that comes, changes or goes moves the version and the fingerprint; another comment doesn’t', async () => {
    const states = await withVersion(server, async version => {
      const seen: { version: string; fingerprint: string; tags: readonly string[] | undefined }[] = []
      for (const change of [
        'select 1',
        "comment on column hr.people.note is 'querywarden: a'",
        "comment on column hr.people.note is 'querywarden: b'",
        'comment on column hr.people.note is null',
        "comment on column hr.people.note is 'nothing'",
        "set allow_system_table_mods = on; insert into pg_seclabel values ('hr.people'::regclass, 'pg_class'::regclass, 3, 'any', 'querywarden: labelled, twice')",
        "set allow_system_table_mods = on; delete from pg_seclabel where provider = 'any'",
      ]) {
        await server.exec(change)
        const now = await catalogOf(server)
        seen.push({
          version: await version(),
          fingerprint: now.fingerprint,
          tags:
            column('lab.nested.Other name', now).marks?.tags.length === 0
              ? []
              : column('hr.people.note', now).marks?.tags,
        })
      }
      return seen
    })
    expect(states.map(({ tags: now }) => now)).toEqual([[], ['a'], ['b'], [], [], ['labelled', 'twice'], []])
    for (const of of ['version', 'fingerprint'] as const) {
      const [first, a, b, gone, other, labelled, unlabelled] = states.map(state => state[of])
      expect(new Set([first, a, b, labelled]).size).toBe(4)
      expect([gone, other, unlabelled]).toEqual([first, first, first])
    }
  })
})

/** Every column that steps lead to from one, itself included. */
function followed(catalog: Catalog, start: string): ReadonlySet<string> {
  const reached = new Set([start])
  const whole = (schema: string, name: string): readonly string[] =>
    (
      catalog.relations.get(relationKey({ schema, name }))?.columns.map(each => each.name) ??
      ATTRIBUTES[`${schema}.${name}`] ??
      []
    ).map(each => JSON.stringify([schema, name, each]))
  for (const key of reached) {
    const [schema, name, column]: string[] = JSON.parse(key)
    if (schema === undefined || name === undefined || column === undefined) continue
    for (const source of catalog.relations.get(relationKey({ schema, name }))?.sources ?? []) {
      const { from } = source
      const at = (of: string): string => JSON.stringify([from.schema, from.name, of])
      if ('columns' in source) {
        for (const next of source.columns?.map(at) ?? whole(from.schema, from.name)) reached.add(next)
      } else if ('column' in source) {
        if (source.column !== column) continue
        for (const next of source.of === null ? whole(from.schema, from.name) : [at(source.of)]) reached.add(next)
      } else if (catalog.relations.get(relationKey(from))?.columns.some(each => each.name === column))
        reached.add(at(column))
    }
  }
  return reached
}

/** Of the composite types, which are no relations. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = { 'lab.person': ['name', 'ssn'] }

test.each([
  ['querywarden: pii.ssn', ['pii.ssn']],
  ['QueryWarden:pii.SSN,secret ,  third', ['pii.ssn', 'secret', 'third']],
  ['a number. querywarden: one. Then querywarden: two', ['one', 'two']],
  ['querywarden:\npii.ssn', []],
  ['"querywarden: \'pii.ssn\'"', ['pii.ssn']],
  ['querywarden: (pii.ssn)', []],
  ['my-querywarden: pii.ssn', []],
  ['querywarden pii.ssn', []],
  ['querywarden: größe.maß', ['größe.maß']],
  ['querywarden: a..b', ['a']],
])('the tags in %j are %j', (text, expected) => {
  expect(tagsIn(text)).toEqual(expected)
})
