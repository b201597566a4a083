import { type Catalog, type CatalogRelation, relationKey } from '../catalog.ts'
import type { KeyPath, PolicyIssue } from '../errors.ts'
import { printable } from '../printable.ts'
import { matchesTarget } from './match-who.ts'
import { readPattern } from './pattern.ts'
import type { Policy } from './policy.ts'

/** Schemas whose relations are in no catalog. */
const SYSTEM_SCHEMAS: readonly string[] = ['pg_catalog', 'information_schema']

/**
 * Holds a policy against the schema it is for: a mask on a column that doesn't exist hides nothing, and a rule about a
 * relation that doesn't exist never fires. Patterns with a wildcard are never issues.
 *
 * @param target the name of the catalog's target: what the policy says of others is then left out. Null checks all.
 * @example
 * const issues = checkMasks(policy, catalog, 'app')
 * if (issues.length > 0) throw new PolicyError(issues)
 */
export function checkMasks(policy: Policy, catalog: Catalog, target: string | null = null): readonly PolicyIssue[] {
  const concerns = (targets: readonly string[] | null): boolean => target === null || matchesTarget(targets, target)
  return [
    ...policy.rules.flatMap(({ targets, what }, index) =>
      concerns(targets)
        ? [
            ...missing(what.relations ?? [], 2, catalog, ['rules', index, 'what', 'relations']),
            ...missing(what.columns ?? [], 3, catalog, ['rules', index, 'what', 'columns']),
          ]
        : [],
    ),
    ...policy.masks.flatMap((entry, index) =>
      entry.kind === 'columns' && concerns(entry.targets)
        ? missing(entry.columns, 3, catalog, ['masks', index, 'columns'])
        : [],
    ),
  ]
}

const missing = (
  patterns: readonly string[],
  partCount: number,
  catalog: Catalog,
  path: KeyPath,
): readonly PolicyIssue[] =>
  patterns.flatMap((text, index) => {
    const [schema, name, column] = readPattern(text, partCount)?.exact ?? []
    if (schema === undefined || name === undefined || SYSTEM_SCHEMAS.includes(schema)) return []
    const why = whyMissing(catalog.relations.get(relationKey({ schema, name })), column)
    const place = [...path, index]
    return why === null ? [] : [{ path: place, message: `${printable(text)} ${why}`, at: 'value', location: null }]
  })

function whyMissing(relation: CatalogRelation | undefined, column: string | undefined): string | null {
  if (relation === undefined) return 'names no relation of the database'
  if (column === undefined || relation.columns.some(({ name }) => name === column)) return null
  return 'names no column of the relation'
}
