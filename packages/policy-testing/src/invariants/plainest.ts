import type { CatalogRelation } from '@querywarden/policy-core'
import { quoted } from '../arbitraries/statements/print.ts'
import type { WrittenStatement } from '../arbitraries/statements/written-statement.ts'

/** Names that need no quotes. Keywords may be among them; a statement that isn't understood breaks no invariant. */
const PLAIN = /^[a-z_][a-z0-9_]*$/

const shown = (name: string): string => (PLAIN.test(name) ? name : quoted(name))

const nameOf = ({ schema, name }: CatalogRelation): string => `${shown(schema)}.${shown(name)}`

/**
 * The plainest statements that use one of the relations or columns of another in the same way. Shrinking can only leave parts
 * of a statement out; these are what an author would have written instead.
 */
export const plainest = ({ relations, columns }: WrittenStatement): readonly string[] =>
  relations.flatMap(({ relation, access }) => {
    const own = columns
      .filter(({ schema, name }) => schema === relation.schema && name === relation.name)
      .map(({ column }) => shown(column))
    const name = nameOf(relation)
    switch (access) {
      case 'select':
        return [...own.map(column => `SELECT ${column} FROM ${name}`), `SELECT * FROM ${name}`]
      case 'delete':
        return [`DELETE FROM ${name}`, ...own.map(column => `DELETE FROM ${name} WHERE ${column} IS NULL`)]
      case 'update':
        return own.flatMap(column => [
          `UPDATE ${name} SET ${column} = NULL`,
          `UPDATE ${name} SET ${column} = NULL WHERE ${column} IS NULL`,
        ])
      case 'insert':
        return own.map(column => `INSERT INTO ${name} (${column}) VALUES (NULL)`)
      case 'truncate':
        return [`TRUNCATE ${name}`]
      default:
        return []
    }
  })
