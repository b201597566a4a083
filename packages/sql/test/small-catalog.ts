import { type Catalog, type CatalogRelation, type CatalogRoutine, relationKey } from '@querywarden/policy-core'

const relation = (
  oid: number,
  schema: string,
  name: string,
  columns: readonly string[],
  more: Partial<CatalogRelation> = {},
): CatalogRelation => ({
  schema,
  name,
  oid,
  kind: 'table',
  columns: columns.map((column, index) => ({
    name: column,
    attnum: index + 1,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [{ schema, name, column }],
  })),
  opaque: null,
  reactions: [],
  hasRowSecurity: false,
  isPartitioned: false,
  ...more,
})

/** Names of what may run code that nobody can read. */
export const unseen = (...names: readonly string[]): ReadonlyMap<string, readonly CatalogRoutine[]> =>
  new Map(names.map(name => [name, []]))

/** A catalog small enough to keep in mind while reading a test. */
export function smallCatalog(more: Partial<Catalog> = {}): Catalog {
  const relations = [
    relation(1, 'public', 'orders', ['id', 'customer_id', 'status', 'total', 'note']),
    relation(2, 'public', 'customers', ['id', 'name', 'email', 'ssn']),
    relation(3, 'crm', 'contacts', ['id', 'label']),
    relation(4, 'public', 'odd_view', ['id'], { kind: 'derived', opaque: 'its definition calls a function' }),
    relation(5, 'public', 'pg_class', ['id']),
  ]
  return {
    fingerprint: 'small',
    major: 17,
    searchPath: ['public'],
    relations: new Map(relations.map(one => [relationKey(one), one])),
    userFunctions: unseen('lower', 'wipe', 'full_name'),
    userRowFunctions: new Set(['full_name']),
    userOperators: unseen('==='),
    userTypes: unseen('checked_text'),
    ...more,
  }
}
