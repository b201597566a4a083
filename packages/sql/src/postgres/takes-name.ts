import type { Catalog } from '@querywarden/policy-core'
import type { TypedNode } from './node.ts'

const TAKING: ReadonlySet<string> = new Set(['AlterObjectSchemaStmt', 'DropOwnedStmt', 'DropStmt', 'RenameStmt'])

/**
 * Whether a statement takes a name away, and the server then looks on in another schema: a table of the same name there,
 * or a function, is what the statements behind it mean (threats N1, N2).
 */
export const takesName = ({ type }: TypedNode, { searchPath }: Pick<Catalog, 'searchPath'>): boolean =>
  TAKING.has(type) && searchPath.filter(schema => schema !== 'pg_catalog').length > 1
