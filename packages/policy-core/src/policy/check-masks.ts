import { type Catalog, relationKey } from '../catalog.ts'
import type { KeyPath, PolicyIssue } from '../errors.ts'
import type { ColumnName } from '../facts.ts'
import { printable, printableName } from '../printable.ts'
import { matchesTarget } from './match-who.ts'
import { readPattern } from './pattern.ts'
import type { Policy } from './policy.ts'
import { nearestOf } from './schema-issues.ts'

/** Schemas whose relations are in no catalog. */
const SYSTEM_SCHEMAS: readonly string[] = ['pg_catalog', 'information_schema']

/** A policy for another database misses everything, and a hint looks at every name: the first issues get one. */
const HINTS_MAX = 20

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
  const misses = [
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
  return misses.map(({ path, text, why, hint }, index) => {
    const meant = index < HINTS_MAX ? hint() : null
    const message = `${printable(text)} ${why}${meant === null ? '' : `, did you mean ${meant}?`}`
    return { path, message, at: 'value', location: null }
  })
}

/** A pattern that names what isn't there. */
interface Miss {
  readonly path: KeyPath
  readonly text: string
  readonly why: string
  /** What was most likely meant. */
  readonly hint: () => string | null
}

const missing = (patterns: readonly string[], partCount: number, catalog: Catalog, path: KeyPath): readonly Miss[] =>
  patterns.flatMap((text, index) => {
    const [schema, name, column] = readPattern(text, partCount)?.exact ?? []
    if (schema === undefined || name === undefined || SYSTEM_SCHEMAS.includes(schema)) return []
    const miss = missOf(catalog, { schema, name, column })
    return miss === null ? [] : [{ path: [...path, index], text, ...miss }]
  })

function missOf(
  { relations }: Catalog,
  { schema, name, column }: { readonly schema: string; readonly name: string; readonly column: string | undefined },
): Pick<Miss, 'why' | 'hint'> | null {
  const relation = relations.get(relationKey({ schema, name }))
  if (relation === undefined && column !== undefined && isOrigin(relations, { schema, name, column })) return null
  if (relation === undefined)
    return { why: 'names no relation of the database', hint: () => relationLike([schema, name], relations) }
  if (column === undefined || relation.columns.some(known => known.name === column)) return null
  const hint = (): string | null => {
    const near = nearestOf(
      column,
      relation.columns.map(known => known.name),
    )
    return near === null ? null : printableName(near)
  }
  return { why: 'names no column of the relation', hint }
}

/** Whether columns show one that is in no relation: an attribute of their type, or a column behind a foreign table. */
function isOrigin(relations: Catalog['relations'], { schema, name, column }: ColumnName): boolean {
  for (const { columns } of relations.values())
    for (const { origins } of columns)
      if (origins.some(origin => origin.schema === schema && origin.name === name && origin.column === column))
        return true
  return false
}

/** One of the same schema that is written nearly so, else the only one of this name. */
function relationLike([schema, name]: readonly [string, string], relations: Catalog['relations']): string | null {
  const all = [...relations.values()]
  const neighbours = all.filter(known => known.schema.toLowerCase() === schema.toLowerCase())
  const near = nearestOf(
    name,
    neighbours.map(known => known.name),
  )
  const [namesake, second] = all.filter(known => known.name === name)
  const sole = second === undefined ? namesake : undefined
  const meant = near === null ? sole : neighbours.find(known => known.name === near)
  return meant === undefined ? null : [meant.schema, meant.name].map(printableName).join('.')
}
