import type { Access, Effect, Facts, Use } from '../facts.ts'
import { isGlob, matchGlob } from './glob.ts'
import { compileColumns } from './match-columns.ts'
import { type Pattern, readPattern, readRelationOf } from './pattern.ts'
import type { Doer, Rule, What } from './policy.ts'

/** What is known of a statement's surroundings; null is unknown. */
export interface Surroundings {
  readonly inTransaction: boolean | null
  readonly multiStatement: boolean | null
  readonly estimatedRows: number | null
}

/** The statement that a use is part of. */
export interface Matter {
  readonly facts: Extract<Facts, { kind: 'understood' }>
  readonly surroundings: Surroundings
}

/** One condition on a use, of those that no index looks after. */
export type Condition = (use: Use, matter: Matter) => boolean

/** The `what` of a rule, prepared: what it is about, and on which further conditions. */
export interface CompiledWhat {
  readonly isAboutEffect: (effect: Effect) => boolean
  /** The relations that it names, or those of the columns that it names. Null: about no relation. Empty: about all. */
  readonly relations: readonly Pattern[] | null
  /** It names columns, and so is about relations that show such a column by another name too. */
  readonly namesColumns: boolean
  readonly isAboutFunction: (name: string) => boolean
  /** Whether it may be about a use that is of no relation and no listed function. */
  readonly isAboutOther: (effect: Effect) => boolean
  /** Whether it names functions; it is then about nothing else. */
  readonly namesFunctions: boolean
  readonly conditions: readonly Condition[]
}

/** Effects of a use that touches no relation and that a rule about relations may still allow: `select 1`, BEGIN, SET. */
export const TOUCHES_NOTHING: ReadonlySet<Effect> = new Set(['read', 'session', 'transaction'])

/** Whether a rule is about what is done to relations. */
export const asksForRelation = ({ relations, access, unbounded, columns }: What): boolean =>
  relations !== null || access !== null || unbounded !== null || columns !== null

/** Prepares the `what` of a rule. */
export function compileWhat({ decision, what }: Pick<Rule, 'decision' | 'what'>): CompiledWhat {
  const isRelational = asksForRelation(what)
  return {
    isAboutEffect: compileEffects(decision, what),
    relations: relationsOf(what),
    namesColumns: what.columns !== null,
    isAboutFunction: isRelational ? () => false : compileFunction(decision, what),
    // A restriction on relations says nothing about a use that touches none; but only an allow may read it so, since a
    // deny or an approve that matched more than it says would be as wrong as an allow that did.
    isAboutOther: effect =>
      what.functions === null && (!isRelational || (decision === 'allow' && TOUCHES_NOTHING.has(effect))),
    namesFunctions: what.functions !== null,
    conditions: conditionsOf(decision, what),
  }
}

function relationsOf({ functions, relations, columns }: What): readonly Pattern[] | null {
  if (functions !== null) return null
  if (relations !== null) return compilePatterns(relations, 2)
  return (columns ?? []).flatMap(text => readRelationOf(text) ?? [])
}

function compileEffects(decision: Rule['decision'], { effects }: What): (effect: Effect) => boolean {
  if (effects === null) return decision === 'deny' ? () => true : effect => effect !== 'unknown'
  const named = new Set(effects)
  return effect => named.has(effect)
}

function conditionsOf(decision: Rule['decision'], what: What): readonly Condition[] {
  const { access, unbounded, columns, tags, via, estimatedRows, multiStatement, inTransaction } = what
  const conditions: Condition[] = []
  if (access !== null) {
    const accesses = new Set(access)
    conditions.push(use => use.kind !== 'relation' || accesses.has(use.access))
  }
  if (unbounded !== null) conditions.push(use => use.kind !== 'relation' || use.unbounded === unbounded)
  if (via !== null) {
    const doers = new Set<Doer>(via)
    conditions.push(use => doers.has(use.via?.kind ?? 'statement'))
  }
  if (tags !== null) conditions.push(compileTags(decision, tags))
  if (inTransaction !== null)
    conditions.push((_, { surroundings }) => holds(decision, surroundings.inTransaction, inTransaction))
  if (multiStatement !== null)
    conditions.push((_, { surroundings }) => holds(decision, surroundings.multiStatement, multiStatement))
  if (estimatedRows !== null) {
    const { over, atMost } = estimatedRows
    const isWithin = (rows: number): boolean => (over === null || rows > over) && (atMost === null || rows <= atMost)
    conditions.push((_, { surroundings: { estimatedRows: rows } }) =>
      rows === null || Number.isNaN(rows) ? decision !== 'allow' : isWithin(rows),
    )
  }
  if (columns !== null) {
    const isAboutColumns = compileColumns(decision, compilePatterns(columns, 3))
    conditions.push((use, { facts }) => use.kind !== 'relation' || isAboutColumns(use, facts))
  }
  return conditions
}

/** What isn't known counts against allowing. */
const holds = (decision: Rule['decision'], is: boolean | null, wanted: boolean): boolean =>
  is === null ? decision !== 'allow' : is === wanted

/** The statement that an access is by itself, where another holds it: `with gone as (delete from t returning *) select …`. */
const TAG_OF: Readonly<Partial<Record<Access, string>>> = {
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  truncate: 'TRUNCATE TABLE',
}

/** What SELECT INTO and EXPLAIN CREATE TABLE AS make, whose own tags don't say so. */
const MAKES = 'CREATE TABLE AS'

/**
 * A statement has its own tag and, as the tag of a statement says nothing of those within it, the tag of whatever this
 * use is by itself. A deny or an approve needs one of them, an allow both.
 */
function compileTags(decision: Rule['decision'], tags: readonly string[]): Condition {
  const exact = new Set(tags)
  const globs = tags.filter(isGlob)
  const isNamed = (tag: string): boolean => exact.has(tag) || globs.some(glob => matchGlob(glob, tag))
  return (use, { facts }) => {
    const inner = [use.tag ?? null, innerTag(use, facts)].filter(tag => tag !== null)
    return decision === 'allow' ? isNamed(facts.tag) && inner.every(isNamed) : isNamed(facts.tag) || inner.some(isNamed)
  }
}

function innerTag(use: Use, { tag, copy }: Matter['facts']): string | null {
  if (use.kind !== 'relation') return null
  const isOwn = use.via === undefined && use.tag === undefined
  if (isOwn && use.access === 'ddl' && (tag === 'SELECT' || tag === 'EXPLAIN')) return MAKES
  // COPY FROM inserts, and isn't an INSERT.
  if (isOwn && use.access === 'insert' && copy === 'in') return null
  return TAG_OF[use.access] ?? null
}

/** A name with its schema unknown, or with more than one way to read its dots, is every name it could be to a deny and none to the others. */
function compileFunction(decision: Rule['decision'], { functions }: What): (name: string) => boolean {
  const patterns = compilePatterns(functions ?? [], 2)
  return name => {
    const readings = readingsOf(name)
    if (decision === 'deny') return patterns.some(pattern => readings.some(names => mayMatch(pattern, names)))
    const [names, ...others] = readings
    return (
      names !== undefined && names.length === 2 && others.length === 0 && patterns.some(({ matches }) => matches(names))
    )
  }
}

const readingsOf = (name: string): readonly (readonly string[])[] => {
  const dots = [...name.matchAll(/\./g)].map(({ index }) => index)
  return dots.length === 0 ? [[name]] : dots.map(dot => [name.slice(0, dot), name.slice(dot + 1)])
}

const mayMatch = (pattern: Pattern, names: readonly string[]): boolean =>
  names.length === 2 ? pattern.matches(names) : pattern.matchesLast(names[0] ?? '')

/** Policies are checked before they are compiled, so no pattern is dropped here. */
export const compilePatterns = (texts: readonly string[], partCount: number): readonly Pattern[] =>
  texts.flatMap(text => readPattern(text, partCount) ?? [])
