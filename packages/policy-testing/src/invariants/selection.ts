import {
  type Catalog,
  type CatalogRelation,
  type ColumnName,
  type CompiledPolicy,
  compilePolicy,
  decide,
  EFFECTS,
  EVERYBODY,
  EVERYTHING,
  type Facts,
  type MaskEntry,
  type MaskedColumn,
  ON_MASK,
  type Rule,
  relationKey,
  type UsedRelation,
  type What,
} from '@querywarden/policy-core'
import { asItself } from '../arbitraries/principals.ts'

/** Which statements an invariant is about: as the `what` of a rule says it, and all of it must hold. */
export interface Selection extends Partial<What> {
  /** A condition of one's own on what a statement does. */
  readonly where?: (facts: Facts) => boolean
}

const PROBE = 'selection'
const NOBODY = asItself({ issuer: 'https://issuer.example.com', subject: 'somebody', groups: [] })
const TARGET = { name: 'target', dialect: 'postgres' } as const
const ruleAbout = (decision: 'allow' | 'deny', what: Partial<What>): Rule => ({
  id: PROBE,
  decision,
  who: EVERYBODY,
  targets: null,
  when: null,
  what: { ...EVERYTHING, ...what },
  reason: null,
})

const policyOf = (rules: readonly Rule[], masks: readonly MaskEntry[]): CompiledPolicy =>
  compilePolicy({ version: 1, rules, masks, limits: [] }, { version: 'selection' })

/**
 * Whether statements are selected, by the very matching that rules go through: a statement is if a deny of this would meet
 * it. What can't be understood never is, since no policy can allow it.
 *
 * @throws PolicyError for a pattern that can match nothing.
 */
export function selects(selection: Selection): (facts: Facts) => boolean {
  const { where, ...what } = selection
  const probe = policyOf([ruleAbout('deny', what)], [])
  return facts =>
    facts.kind === 'understood' &&
    decide(probe, { principal: NOBODY, target: TARGET, facts }).reasons.some(({ rules }) => rules.includes(PROBE)) &&
    (where === undefined || where(facts))
}

/**
 * Which columns of these a statement reads, and whether masks can be put on them: by the very working out that a policy's masks
 * go through. Null where it reads none, or can't be allowed at all.
 */
export function readingOf(columns: readonly string[]): (facts: Facts) => Reading | null {
  const probe = policyOf([ruleAbout('allow', { effects: EFFECTS })], [maskOn(columns)])
  const { maskedColumns } = probe.for(NOBODY, TARGET)
  return facts => {
    if (facts.kind === 'opaque') return null
    const read = facts.uses.flatMap(use => (use.kind === 'relation' ? readIn(use.relation, facts, maskedColumns) : []))
    if (read.length === 0) return null
    const decision = decide(probe, { principal: NOBODY, target: TARGET, facts })
    if (decision.kind !== 'deny') return { columns: read, isMaskable: true }
    return decision.refusal.code === 'CANNOT_MASK' ? { columns: read, isMaskable: false } : null
  }
}

/** The columns of a selection that a statement reads. */
export interface Reading {
  readonly columns: readonly ColumnName[]
  readonly isMaskable: boolean
}

type Understood = Extract<Facts, { readonly kind: 'understood' }>

function readIn(
  relation: UsedRelation,
  facts: Understood,
  maskedColumns: (relation: UsedRelation) => readonly MaskedColumn[],
): readonly ColumnName[] {
  const read = facts.columns.filter(use => use.role !== 'target' && relationKey(use) === relationKey(relation))
  return maskedColumns(relation)
    .filter(({ column }) => read.some(use => use.column === '*' || use.column === column.name))
    .map(({ column }) => ({ schema: relation.schema, name: relation.name, column: column.name }))
}

const maskOn = (columns: readonly string[]): MaskEntry => ({
  kind: 'columns',
  columns,
  mask: { kind: 'null' },
  ...ON_MASK,
  who: null,
  unless: null,
  targets: null,
})

/** The relations of a catalog that patterns name, or through which the values of such relations may be seen. */
export function relationsLike(
  catalog: Catalog,
  patterns: { readonly relations?: readonly string[]; readonly columns?: readonly string[] },
): readonly CatalogRelation[] {
  const columns = [...(patterns.relations ?? []).map(pattern => `${pattern}.*`), ...(patterns.columns ?? [])]
  if (columns.length === 0) return []
  const { maskedColumns } = policyOf([], [maskOn(columns)]).for(NOBODY, TARGET)
  return [...catalog.relations.values()].filter(relation => maskedColumns(relation).length > 0)
}

/** A catalog of these relations alone, for statements that are about them. */
export const catalogWith = (catalog: Catalog, relations: readonly CatalogRelation[]): Catalog => ({
  ...catalog,
  relations: new Map(relations.map(relation => [relationKey(relation), relation])),
})
