import type { Effect, Use } from '../facts.ts'
import type { Identity } from '../principal.ts'
import { matchGlob } from './glob.ts'
import { type Pattern, readPattern } from './pattern.ts'
import type { Rule, What, Who } from './policy.ts'

/** Whether a condition on people holds for an identity; none holds for everybody. */
export const matchesWho = ({ groups, subjects, issuers }: Who, identity: Identity): boolean =>
  (groups === null || groups.some(group => identity.groups.includes(group))) &&
  (subjects === null || subjects.includes(identity.subject)) &&
  (issuers === null || issuers.includes(identity.issuer))

/** Whether a condition on targets holds for a target's name. */
export const matchesTarget = (targets: readonly string[] | null, name: string): boolean =>
  targets === null || targets.some(glob => matchGlob(glob, name))

/** Effects of a use that touches no relation and that a rule about relations may still allow: `select 1`, BEGIN, SET. */
const TOUCHES_NOTHING: ReadonlySet<Effect> = new Set(['read', 'session', 'transaction'])

/** Prepares the `what` of a rule: a function that says whether the rule matches one use of a statement. */
export function compileWhat({ decision, what }: Pick<Rule, 'decision' | 'what'>): (use: Use) => boolean {
  const matchesEffect = compileEffects(decision, what)
  const matchesRelation = compileRelation(what)
  const matchesFunction = compileFunction(decision, what)
  const asksForRelation = what.relations !== null || what.access !== null || what.unbounded !== null

  // A restriction on relations says nothing about a use that touches none; but only an allow may read it so, since a
  // deny or an approve that matched more than it says would be as wrong as an allow that did.
  const matchesWithoutRelation = (effect: Effect): boolean =>
    !asksForRelation || (decision === 'allow' && TOUCHES_NOTHING.has(effect))

  return use => {
    if (!matchesEffect(use.effect)) return false
    switch (use.kind) {
      case 'relation':
        return what.functions === null && matchesRelation(use)
      case 'function':
        if (what.functions === null) return matchesWithoutRelation(use.effect)
        return !asksForRelation && matchesFunction(use.function)
      case 'statement':
        return what.functions === null && matchesWithoutRelation(use.effect)
    }
  }
}

function compileEffects(decision: Rule['decision'], { effects }: What): (effect: Effect) => boolean {
  if (effects === null) return decision === 'deny' ? () => true : effect => effect !== 'unknown'
  const named = new Set(effects)
  return effect => named.has(effect)
}

function compileRelation({ relations, access, unbounded }: What): (use: Extract<Use, { kind: 'relation' }>) => boolean {
  const patterns = relations === null ? null : compilePatterns(relations, 2)
  const accesses = access === null ? null : new Set(access)
  return use =>
    (patterns === null || patterns.some(({ matches }) => matches([use.relation.schema, use.relation.name]))) &&
    (accesses === null || accesses.has(use.access)) &&
    (unbounded === null || use.unbounded === unbounded)
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
