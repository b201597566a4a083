import type { Catalog } from '../catalog.ts'
import type { KeyPath, PolicyIssue } from '../errors.ts'
import type { ColumnName } from '../facts.ts'
import { printable } from '../printable.ts'
import { conflicts } from './check-conflicts.ts'
import { guessableHashes } from './check-hashes.ts'
import { idleMarks, maskEffects, type ShowsNull } from './check-mask-effects.ts'
import { checkMasks } from './check-masks.ts'
import { matchGlob } from './glob.ts'
import { matchesTarget } from './match-who.ts'
import { type Pattern, readPattern } from './pattern.ts'
import type { MaskEntry, Policy, Rule } from './policy.ts'
import { nearestOf } from './schema-issues.ts'
import { warning } from './warning.ts'

/** Schemas whose relations and functions are in no catalog. */
const SYSTEM_SCHEMAS: readonly string[] = ['pg_catalog', 'information_schema']

/**
 * Holds a whole policy against the schema of a target. The issues of {@link checkMasks} are errors, by which the policy
 * can't be used there; all others are warnings (`severity`): patterns that match nothing, rules of which nothing is left
 * beside others, masks of different kinds that meet on a column, masks that show nothing of a type, hashes whose values can
 * be found.
 *
 * @param target the name of the catalog's target: what the policy says of others is left out
 * @param showsNull whether a mask shows every value of a column as NULL; without it masks aren't held against types
 * @example
 * const issues = checkPolicy(policy, catalog, 'app')
 * const errors = issues.filter(({ severity }) => severity !== 'warning')
 */
export function checkPolicy(
  policy: Policy,
  catalog: Catalog,
  target: string,
  showsNull: ShowsNull = () => false,
): readonly PolicyIssue[] {
  const errors = checkMasks(policy, catalog, target)
  const told = new Set(errors.map(({ path }) => JSON.stringify(path)))
  const warnings = [
    ...policy.rules.flatMap((rule, index) =>
      matchesTarget(rule.targets, target) ? idlePatterns(rule, ['rules', index, 'what'], catalog) : [],
    ),
    ...policy.masks.flatMap((entry, index) =>
      matchesTarget(entry.targets, target) ? idleMask(entry, ['masks', index], catalog) : [],
    ),
    ...guessableHashes(policy, catalog, target),
    ...maskEffects(policy, catalog, target, showsNull),
    ...conflicts(policy, catalog, target),
  ]
  // One for each place: the first says the most.
  const news = warnings.filter(({ path }) => {
    const place = JSON.stringify(path)
    return !told.has(place) && told.add(place)
  })
  return [...errors, ...news]
}

/**
 * Holds what a policy says of targets against the names of all that there are. Each issue is a warning: what is about no
 * target never has a say.
 *
 * @example
 * checkTargets(policy, ['app', 'reporting']).map(formatIssue)
 * // ['rules[0].on.targets[0]: ap matches no target of the configuration, did you mean app?']
 */
export const checkTargets = (
  { rules, masks, limits, record = [] }: Policy,
  names: readonly string[],
): readonly PolicyIssue[] =>
  Object.entries({ rules, masks, limits, record }).flatMap(([list, entries]) =>
    entries.flatMap(({ targets }, index) => idleTargets(targets ?? [], [list, index, 'on', 'targets'], names)),
  )

const idleTargets = (globs: readonly string[], path: KeyPath, names: readonly string[]): readonly PolicyIssue[] =>
  globs.flatMap((glob, index) => {
    if (names.some(name => matchGlob(glob, name))) return []
    const near = nearestOf(glob, names)
    const hint = near === null ? '' : `, did you mean ${printable(near)}?`
    return [warning([...path, index], `${printable(glob)} matches no target of the configuration${hint}`)]
  })

function idlePatterns({ what }: Rule, path: KeyPath, catalog: Catalog): readonly PolicyIssue[] {
  return [
    ...idle(what.relations, 2, [...path, 'relations'], pattern => matchesRelation(pattern, catalog), 'relation'),
    ...idle(what.columns, 3, [...path, 'columns'], pattern => matchesColumn(pattern, catalog), 'column'),
    ...idle(what.functions, 2, [...path, 'functions'], pattern => matchesFunction(pattern, catalog), 'function'),
  ]
}

const idleMask = (entry: MaskEntry, path: KeyPath, catalog: Catalog): readonly PolicyIssue[] =>
  entry.kind === 'columns'
    ? idle(entry.columns, 3, [...path, 'columns'], pattern => matchesColumn(pattern, catalog), 'column')
    : idleMarks(entry, path, catalog)

const idle = (
  texts: readonly string[] | null,
  partCount: number,
  path: KeyPath,
  matches: (pattern: Pattern) => boolean,
  noun: string,
): readonly PolicyIssue[] =>
  (texts ?? []).flatMap((text, index) => {
    const pattern = readPattern(text, partCount)
    return pattern === null || isOfSystem(pattern) || matches(pattern)
      ? []
      : [warning([...path, index], `${printable(text)} matches no ${noun} of the database`)]
  })

const isOfSystem = ({ fixed: [schema = null] }: Pattern): boolean => schema !== null && SYSTEM_SCHEMAS.includes(schema)

function matchesRelation(pattern: Pattern, { relations }: Catalog): boolean {
  for (const { schema, name } of relations.values()) if (pattern.matches([schema, name])) return true
  return false
}

function matchesColumn(pattern: Pattern, { relations }: Catalog): boolean {
  const isOne = ({ schema, name, column }: ColumnName): boolean => pattern.matches([schema, name, column])
  for (const { schema, name, columns } of relations.values())
    if (columns.some(({ name: column, origins }) => isOne({ schema, name, column }) || origins.some(isOne))) return true
  return false
}

/** A pattern with a wildcard for the schema may be about built-in functions, which no catalog lists. */
function matchesFunction(pattern: Pattern, { userFunctions }: Catalog): boolean {
  if (pattern.fixed[0] === null) return true
  for (const [bareName, routines] of userFunctions) {
    // A name of which no routine is known is of some schema.
    if (routines.length === 0 && pattern.matchesLast(bareName)) return true
    if (routines.some(({ schema, name }) => pattern.matches([schema, name]))) return true
  }
  return false
}
