import type { Catalog, CatalogRelation } from '../catalog.ts'
import type { PolicyIssue } from '../errors.ts'
import { ACCESSES, type Access, EFFECTS, type Effect } from '../facts.ts'
import { printableName } from '../printable.ts'
import { compileCover, coversItself } from './mask-cover.ts'
import { asksForRelation, compilePatterns, TOUCHES_NOTHING } from './match-what.ts'
import { matchesTarget } from './match-who.ts'
import { isMore } from './most-recorded.ts'
import type { Pattern } from './pattern.ts'
import type { MaskEntry, Policy, Rule } from './policy.ts'
import { coversTargets, coversWhen, coversWho, shadowFinder } from './shadow.ts'
import { strictestMask } from './strictest-mask.ts'
import { warning } from './warning.ts'

/** What is at odds with something else in a policy, as far as one schema shows. All of it is allowed, and may be meant. */
export const conflicts = (policy: Policy, catalog: Catalog, target: string): readonly PolicyIssue[] => [
  ...shadowedRules(policy, target),
  ...overruledRules(policy, catalog, target),
  ...meetingMasks(policy, catalog, target),
  ...idleRecords(policy, target),
]

/** Rules that a single stricter one leaves no say, whatever the schema. */
function shadowedRules({ rules }: Policy, target: string): readonly PolicyIssue[] {
  const find = shadowFinder(rules, { by: 'all' })
  return rules.flatMap((rule, index) => {
    const shadow = matchesTarget(rule.targets, target) ? find(rule) : null
    return shadow === null
      ? []
      : [warning(['rules', index], `can never fire: rule ${shadow.id} decides ${shadow.decision} wherever it matches`)]
  })
}

/** A rule with its patterns prepared, and where it stands. */
interface Placed {
  readonly rule: Rule
  readonly index: number
  readonly patterns: readonly Pattern[]
}

/** Rules that let nothing through on any relation of the database that they name, as denies cover each one of them. */
function overruledRules({ rules }: Policy, { relations }: Catalog, target: string): readonly PolicyIssue[] {
  const placed = rules
    .map((rule, index): Placed => ({ rule, index, patterns: compilePatterns(rule.what.relations ?? [], 2) }))
    .filter(({ rule }) => matchesTarget(rule.targets, target))
  const denies = placed.filter(({ rule }) => isPlainDeny(rule))
  return placed.flatMap(({ rule, index, patterns }) => {
    if (rule.decision === 'deny' || patterns.length === 0 || allowsMore(rule)) return []
    const named = [...relations.values()].filter(relation => isNamed(patterns, relation))
    if (named.length === 0) return []
    const overruling = new Set<string>()
    const isOver = named.every(relation => {
      const over = coveringDenies(rule, denies, relation)
      for (const id of over ?? []) overruling.add(id)
      return over !== null
    })
    const ids = [...overruling].sort().join(', ')
    return isOver ? [warning(['rules', index], `lets nothing through: ${ids} denies all that it matches`)] : []
  })
}

/** A deny whose conditions hold for all uses that it names, whatever the statement. */
const isPlainDeny = ({ decision, what }: Rule): boolean =>
  decision === 'deny' &&
  what.columns === null &&
  what.functions === null &&
  what.unbounded === null &&
  what.tags === null &&
  what.via === null &&
  what.estimatedRows === null &&
  what.multiStatement === null &&
  what.inTransaction === null

/** An allow by relation also allows what touches none. */
const allowsMore = ({ decision, what }: Rule): boolean =>
  decision === 'allow' && asksForRelation(what) && (what.effects ?? EFFECTS).some(effect => TOUCHES_NOTHING.has(effect))

const isNamed = (patterns: readonly Pattern[], { schema, name }: CatalogRelation): boolean =>
  patterns.some(({ matches }) => matches([schema, name]))

/** The denies that between them cover all that a rule matches on a relation; null where something is left. */
function coveringDenies(
  { who, when, what }: Rule,
  denies: readonly Placed[],
  relation: CatalogRelation,
): ReadonlySet<string> | null {
  const there = denies.filter(
    ({ rule, patterns }) =>
      coversWho(rule.who, who) &&
      coversWhen(rule.when, when) &&
      (rule.what.relations === null || isNamed(patterns, relation)),
  )
  const ids = new Set<string>()
  for (const effect of what.effects ?? EFFECTS) {
    for (const access of what.access ?? ACCESSES) {
      const found = there.find(({ rule }) => isAbout(rule, effect, access))
      if (found === undefined) return null
      ids.add(found.rule.id)
    }
  }
  return ids
}

const isAbout = ({ what: { effects, access } }: Rule, effect: Effect, by: Access): boolean =>
  (effects?.includes(effect) ?? true) && (access?.includes(by) ?? true)

interface PlacedMask {
  readonly entry: MaskEntry
  readonly index: number
}

/** Masks of different kinds on one column: which holds is told, once for each pair. */
function meetingMasks({ masks }: Policy, { relations }: Catalog, target: string): readonly PolicyIssue[] {
  const placed = masks.flatMap((entry, index) =>
    entry.kind !== 'detect' && matchesTarget(entry.targets, target)
      ? [{ entry, index, cover: compileCover(entry) }]
      : [],
  )
  const told = new Map<string, PolicyIssue>()
  for (const relation of relations.values()) {
    for (const column of relation.columns) {
      const [first, ...others] = placed.filter(({ cover }) => coversItself(cover, relation, column))
      for (const other of first === undefined ? [] : others) {
        const key = `${first?.index} ${other.index}`
        if (first === undefined || told.has(key) || isSameMask(first.entry, other.entry)) continue
        const shown = [relation.schema, relation.name, column.name].map(printableName).join('.')
        told.set(key, warning(['masks', other.index], meeting(first, other, shown)))
      }
    }
  }
  return [...told.values()]
}

const isSameMask = (a: MaskEntry, b: MaskEntry): boolean => JSON.stringify(a.mask) === JSON.stringify(b.mask)

function meeting(a: PlacedMask, b: PlacedMask, column: string): string {
  const winner = strictestMask([a.entry.mask, b.entry.mask])
  return `meets masks[${a.index}] on ${column}: whoever both are for sees it by ${winner?.kind ?? 'redact'}`
}

/** Entries about what is recorded beside which another records as much of everybody that they are about. */
function idleRecords({ record = [] }: Policy, target: string): readonly PolicyIssue[] {
  return record.flatMap((entry, index) => {
    if (!matchesTarget(entry.targets, target)) return []
    const other = record.findIndex(
      (wide, at) =>
        at !== index &&
        // Of two that are the same, the second.
        (isMore(wide.rows, entry.rows) || (at < index && !isMore(entry.rows, wide.rows))) &&
        coversWho(wide.who, entry.who) &&
        coversTargets(wide.targets, entry.targets),
    )
    return other === -1
      ? []
      : [warning(['record', index], `never has a say: record[${other}] records as much wherever it holds`)]
  })
}
