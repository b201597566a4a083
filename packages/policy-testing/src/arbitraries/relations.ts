import type { Catalog, ColumnMarks, ColumnName, UsedColumn, UsedRelation } from '@querywarden/policy-core'
import { relationKey } from '@querywarden/policy-core'
import fc from 'fast-check'
import { WORLD } from './names.ts'

/** Any column of the small world. */
export const columnNames = (): fc.Arbitrary<ColumnName> =>
  fc.record({
    schema: fc.constantFrom(...WORLD.schemas),
    name: fc.constantFrom(...WORLD.relations),
    column: fc.constantFrom(...WORLD.columns),
  })

/** A relation with some columns; a view's columns, and now and then a table's, show columns of other relations. */
export const relations = (): fc.Arbitrary<UsedRelation> =>
  fc
    .record({
      schema: fc.constantFrom(...WORLD.schemas),
      name: fc.constantFrom(...WORLD.relations),
      kind: fc.constantFrom('table', 'table', 'derived', 'foreign', 'catalog'),
      columns: fc.subarray([...WORLD.columns], { minLength: 1 }),
      borrowed: fc.array(columnNames(), { maxLength: 2 }),
    })
    .map(({ schema, name, kind, columns, borrowed }) => ({
      schema,
      name,
      oid: oidOf(schema, name),
      kind,
      columns: columns.map((column, index) => columnOf({ schema, name, column }, index, borrowed)),
    }))

const oidOf = (schema: (typeof WORLD.schemas)[number], name: (typeof WORLD.relations)[number]): number =>
  16_384 + WORLD.schemas.indexOf(schema) * WORLD.relations.length + WORLD.relations.indexOf(name)

function columnOf(own: ColumnName, index: number, borrowed: readonly ColumnName[]): UsedColumn {
  const origins = [own, ...(index === 0 ? borrowed : [])]
  return {
    name: own.column,
    attnum: index + 1,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins,
    marks: marksOf(origins),
    ownMarks: marksOf([own]),
  }
}

/** A column is tagged by its name, and of a type of its schema where it is of `hr`. */
const marksOf = (columns: readonly ColumnName[]): ColumnMarks => ({
  tags: [...new Set(columns.map(({ column }) => `pii.${column}`))].sort(),
  types: [
    { schema: 'pg_catalog', name: 'text' },
    ...(columns.some(({ schema }) => schema === 'hr') ? [{ schema: 'hr', name: 'ssn_t' }] : []),
  ],
})

/** A catalog that holds exactly these relations. */
export const catalogOf = (known: readonly UsedRelation[]): Catalog => ({
  fingerprint: 'catalog-1',
  major: 18,
  searchPath: ['public'],
  relations: new Map(known.map(relation => [relationKey(relation), { ...relation, opaque: null, reactions: [] }])),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
})
