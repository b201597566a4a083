import {
  ACCESSES,
  type Access,
  type Catalog,
  type ColumnName,
  EFFECTS,
  type Effect,
  effectsOf,
  type Facts,
  type MaskedRelation,
  maskName,
  relationKey,
} from '@querywarden/policy-core'
import type { Outcome, Rehearsal, RehearsedStatement } from './rehearsal.ts'

/** A relation that a text touches. */
export interface TouchedRelation {
  /** `schema.name`. */
  readonly name: string
  readonly access: readonly Access[]
  /** The columns of it that are used, in whatever way; `*` where which ones isn't known. */
  readonly columns: readonly string[]
}

/** What would become of a text, flat: what `policy explain --batch` prints of it. */
export interface Account {
  readonly outcome: Outcome
  /** The rules that decided, each once. */
  readonly rules: readonly string[]
  readonly effects: readonly Effect[]
  readonly relations: readonly TouchedRelation[]
  readonly functions: readonly string[]
  /** A write says no rows: no WHERE, or one that is always true. */
  readonly unbounded: boolean
  readonly statements: number
  /** Columns that would be shown masked, as `schema.relation.column`. */
  readonly masked: readonly string[]
  /** Why it is denied; left out otherwise. */
  readonly code?: string
  readonly message?: string
}

type Understood = Extract<Facts, { kind: 'understood' }>

/** Gives a rehearsal as flat data. */
export function accountOf(rehearsal: Rehearsal, catalog: Catalog): Account {
  const { outcome, refusal, statements, count } = rehearsal
  const understood = statements.flatMap(({ judgement }) =>
    judgement?.facts.kind === 'understood' ? [judgement.facts] : [],
  )
  return {
    outcome,
    rules: decidingRules(rehearsal),
    effects: effectsIn(statements),
    relations: relationsIn(understood, catalog),
    functions: functionsIn(understood),
    unbounded: understood.some(({ uses }) => uses.some(use => use.kind === 'relation' && use.unbounded)),
    statements: count,
    masked: [...new Set(maskedColumns(statements).map(({ name }) => name))].sort(),
    ...(refusal === null ? {} : { code: refusal.code, message: refusal.message }),
  }
}

/** What can't be read, or names what isn't there, could do anything. */
const effectsIn = (statements: readonly RehearsedStatement[]): readonly Effect[] => {
  const seen = new Set(
    statements.flatMap(({ judgement }) => (judgement === null ? ['unknown' as const] : effectsOf(judgement.facts))),
  )
  return EFFECTS.filter(effect => seen.has(effect))
}

/** Of a denial those of the statement that is refused first; what is prohibited, no rule decides. */
function decidingRules({ outcome, refusal, statements }: Rehearsal): readonly string[] {
  if (outcome === 'deny') {
    if (refusal === null || (refusal.code !== 'DENIED_BY_RULE' && refusal.code !== 'NO_RULE_ALLOWS')) return []
    const refused = statements.find(statement => statement.refusal === refusal)
    const denying = rulesThat(refused === undefined ? [] : [refused], 'deny')
    return denying.length > 0 || refusal.rule === null ? denying : [refusal.rule]
  }
  return rulesThat(statements, outcome)
}

const rulesThat = (statements: readonly RehearsedStatement[], answer: Outcome): readonly string[] => [
  ...new Set(
    statements.flatMap(({ judgement }) =>
      (judgement?.decision.reasons ?? []).flatMap(reason => (reason.answer === answer ? reason.rules : [])),
    ),
  ),
]

/** A relation that many uses touch is listed once. The tables behind a view are read through it. */
function relationsIn(all: readonly Understood[], catalog: Catalog): readonly TouchedRelation[] {
  const touched = new Map<string, { access: Set<Access>; columns: Set<string> }>()
  const touch = (name: string): { access: Set<Access>; columns: Set<string> } => {
    const known = touched.get(name) ?? { access: new Set<Access>(), columns: new Set<string>() }
    touched.set(name, known)
    return known
  }
  for (const { uses, columns } of all) {
    for (const use of uses) if (use.kind === 'relation') touch(nameOf(use.relation)).access.add(use.access)
    for (const column of columns) touch(nameOf(column)).columns.add(column.column)
    for (const use of uses) {
      if (use.kind !== 'relation' || use.relation.kind !== 'derived') continue
      for (const origin of behind(use.relation, columns, catalog)) {
        const base = touch(nameOf(origin))
        base.access.add('select')
        base.columns.add(origin.column)
      }
    }
  }
  return [...touched].map(([name, { access, columns }]) => ({
    name,
    access: ACCESSES.filter(one => access.has(one)),
    columns: [...columns].sort(),
  }))
}

const nameOf = ({ schema, name }: { readonly schema: string; readonly name: string }): string => `${schema}.${name}`

/** What a view's columns show, of those that are used; of all where which ones isn't known. */
function behind(
  view: { readonly schema: string; readonly name: string },
  used: Understood['columns'],
  catalog: Catalog,
): readonly ColumnName[] {
  const key = relationKey(view)
  const names = new Set(used.filter(column => relationKey(column) === key).map(({ column }) => column))
  const columns = catalog.relations.get(key)?.columns ?? []
  const shown = names.size === 0 || names.has('*') ? columns : columns.filter(({ name }) => names.has(name))
  return shown.flatMap(({ origins }) => origins.filter(origin => relationKey(origin) !== key))
}

const functionsIn = (all: readonly Understood[]): readonly string[] => [
  ...new Set(
    all.flatMap(({ calls, uses }) => [
      ...calls.map(({ name }) => name),
      ...uses.flatMap(use => (use.kind === 'function' ? [use.function] : [])),
    ]),
  ),
]

/** A column that would be shown masked, and how. */
export interface ShownMask {
  readonly name: string
  readonly mask: string
  /** Its place in the policy's list of masks. */
  readonly entry: number
}

/** The masked columns that statements' results would show. */
export const maskedColumns = (statements: readonly RehearsedStatement[]): readonly ShownMask[] =>
  statements.flatMap(({ judgement }) => {
    if (judgement === null || judgement.facts.kind === 'opaque' || judgement.decision.kind === 'deny') return []
    const { facts, decision } = judgement
    return decision.obligations.masks.flatMap(masked => shownOf(masked, facts))
  })

function shownOf({ relation, columns }: MaskedRelation, facts: Understood): readonly ShownMask[] {
  const isShown = shownColumns(facts, relationKey(relation))
  return columns
    .filter(({ column }) => isShown(column.name))
    .map(({ column, mask, entry }) => ({ name: `${nameOf(relation)}.${column.name}`, mask: maskName(mask), entry }))
}

/** Which columns of a relation a result may show: all of them where its lineage isn't known. */
function shownColumns({ outputs, columns }: Understood, key: string): (column: string) => boolean {
  if (outputs?.some(({ lineage }) => lineage === 'unknown')) return () => true
  const shown = outputs?.flatMap(({ origins }) => origins) ?? (columns.length === 0 ? null : columns)
  if (shown === null) return () => true
  const names = new Set(shown.filter(origin => relationKey(origin) === key).map(({ column }) => column))
  return column => names.has('*') || names.has(column)
}
