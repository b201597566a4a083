import type { Catalog, CatalogRelation } from '../catalog.ts'
import type { PolicyIssue } from '../errors.ts'
import { printable, printableName } from '../printable.ts'
import { compileCover, coversItself } from './mask-cover.ts'
import { compilePatterns } from './match-what.ts'
import { matchesTarget } from './match-who.ts'
import type { MaskEntry, Policy, Rule } from './policy.ts'
import { coversWho } from './shadow.ts'
import { warning } from './warning.ts'

interface Placed {
  readonly entry: MaskEntry
  readonly index: number
}

/** Hashes that whoever sees them can find the values of, by writing or looking up ones of their own. */
export function guessableHashes(policy: Policy, catalog: Catalog, target: string): readonly PolicyIssue[] {
  const hashes = policy.masks
    .map((entry, index): Placed => ({ entry, index }))
    .filter(
      ({ entry }) => entry.mask.kind === 'hash' && entry.kind !== 'detect' && matchesTarget(entry.targets, target),
    )
  return [...writable(hashes, policy, catalog, target), ...aroundBudgets(hashes)]
}

/** Whoever writes a value of their own reads its hash, and knows the rows that have the same: without any budget. */
function writable(
  hashes: readonly Placed[],
  { rules }: Policy,
  { relations }: Catalog,
  target: string,
): readonly PolicyIssue[] {
  const writes = rules.filter(rule => matchesTarget(rule.targets, target) && letsWrite(rule))
  return hashes.flatMap(({ entry, index }) => {
    if (entry.predicates === 'equality') return []
    const cover = compileCover(entry)
    for (const relation of relations.values()) {
      const column = relation.columns.find(each => coversItself(cover, relation, each))
      const rule = column === undefined ? undefined : writes.find(each => isFor(each, entry) && names(each, relation))
      if (column === undefined || rule === undefined) continue
      const shown = [relation.schema, relation.name, column.name].map(printableName).join('.')
      const message = `rule ${printable(rule.id)} lets who sees ${shown} hashed write values there, read their hashes and so find who has them: use redact, or predicates: equality with lookups, which counts what is written`
      return [warning(['masks', index, 'with'], message)]
    }
    return []
  })
}

const WRITES: ReadonlySet<string> = new Set(['insert', 'update', 'copy'])

const letsWrite = ({ decision, what }: Rule): boolean =>
  decision === 'allow' &&
  (what.effects?.includes('write') ?? true) &&
  (what.access?.some(access => WRITES.has(access)) ?? true)

const names = ({ what }: Rule, { schema, name }: CatalogRelation): boolean =>
  what.relations === null || compilePatterns(what.relations, 2).some(({ matches }) => matches([schema, name]))

/** Whether a rule surely has somebody in common with those who see the mask. */
const isFor = ({ who }: Rule, { who: masked, unless }: MaskEntry): boolean =>
  !(unless !== null && coversWho(unless, who)) && (masked === null || coversWho(masked, who) || coversWho(who, masked))

/** Under one key a value has one hash: what is looked up where nobody counts tells where else it is. */
const aroundBudgets = (hashes: readonly Placed[]): readonly PolicyIssue[] => {
  const byEquality = hashes.filter(({ entry }) => entry.predicates === 'equality')
  const bounded = byEquality.filter(({ entry }) => isBounded(entry))
  return byEquality.flatMap(({ entry, index }) => {
    const other = isBounded(entry) ? undefined : bounded.find(each => keyOf(each.entry) === keyOf(entry))
    return other === undefined
      ? []
      : [
          warning(
            ['masks', index, 'predicates'],
            `equality without a budget goes around that of masks[${other.index}], which hashes with the same key: give this one lookups too, or a key of its own`,
          ),
        ]
  })
}

const isBounded = ({ lookups }: MaskEntry): boolean => lookups.perMinuteMax !== null || lookups.perDayMax !== null

const keyOf = ({ mask }: MaskEntry): string => JSON.stringify(mask.kind === 'hash' ? mask.key : null)
