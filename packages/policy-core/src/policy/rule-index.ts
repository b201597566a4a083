import { EFFECTS, type Effect, type RelationName, type Use, type UsedRelation } from '../facts.ts'
import { showsWhatIsUnknown } from './match-columns.ts'
import type { CompiledWhat, Condition } from './match-what.ts'
import type { Pattern } from './pattern.ts'
import type { Rule } from './policy.ts'

/** A rule with its conditions prepared. */
export interface CompiledRule {
  readonly rule: Rule
  readonly what: CompiledWhat
}

/** The rules that may have a say about some use: from the strictest on, and by id. */
export interface Candidates {
  readonly rules: readonly CompiledRule[]
  /** What they answer, whatever else is so; null where that depends on their conditions. */
  readonly answer: { readonly answer: Rule['decision']; readonly rules: readonly Rule[] } | null
}

/** Finds the rules that may have a say about a use, without looking at the others. */
export type RuleIndex = (use: Use) => Candidates

/** From the strictest to the mildest. */
const RANK: Readonly<Record<Rule['decision'], number>> = { deny: 0, approve: 1, allow: 2 }
const EFFECT_AT: ReadonlyMap<Effect, number> = new Map(EFFECTS.map((effect, at) => [effect, at]))
const NONE: Candidates = { rules: [], answer: { answer: 'deny', rules: [] } }
/** Names of functions come from statements; their number has no end. */
const FUNCTIONS_MAX = 1_000
/** Places of rules in what is kept of relations; past it all is found again. */
const KEPT_MAX = 500_000

/** Rules about relations by what their patterns hold fast. */
interface Shelves {
  readonly byName: Map<string, Map<string, CompiledRule[]>>
  readonly bySchema: Map<string, CompiledRule[]>
  readonly byLastName: Map<string, CompiledRule[]>
  readonly loose: CompiledRule[]
}

/**
 * Arranges the rules that concern one side of a request, so that deciding looks only at those about the relation or the
 * function at hand. What was found is kept: for relations as long as the catalog they are of.
 */
export function ruleIndex(given: readonly CompiledRule[]): RuleIndex {
  const rules = [...given].sort(strictestFirst)
  const findForRelation = relationFinder(rules.filter(({ what }) => what.relations !== null))
  const forFunctions = rules.filter(({ what }) => what.namesFunctions)
  const others = new Array<Candidates | undefined>(EFFECTS.length).fill(undefined)
  const ofOthers = (effect: Effect, at: number): Candidates => {
    const found =
      others[at] ?? candidatesOf(rules.filter(({ what }) => what.isAboutEffect(effect) && what.isAboutOther(effect)))
    others[at] = found
    return found
  }
  const byFunction = new Map<string, (Candidates | undefined)[]>()

  const ofFunction = (name: string, effect: Effect, at: number): Candidates => {
    let byEffect = byFunction.get(name)
    if (byEffect === undefined) {
      if (byFunction.size >= FUNCTIONS_MAX) byFunction.clear()
      byEffect = new Array<Candidates | undefined>(EFFECTS.length).fill(undefined)
      byFunction.set(name, byEffect)
    }
    const known = byEffect[at]
    if (known !== undefined) return known
    const named = forFunctions.filter(({ what }) => what.isAboutEffect(effect) && what.isAboutFunction(name))
    const found =
      named.length === 0
        ? ofOthers(effect, at)
        : candidatesOf([...named, ...ofOthers(effect, at).rules].sort(strictestFirst))
    byEffect[at] = found
    return found
  }

  return use => {
    const at = EFFECT_AT.get(use.effect) ?? -1
    switch (use.kind) {
      case 'relation':
        return findForRelation(use.relation, use.effect, at)
      case 'function':
        return ofFunction(use.function, use.effect, at)
      case 'statement':
        return ofOthers(use.effect, at)
    }
  }
}

function relationFinder(
  rules: readonly CompiledRule[],
): (relation: UsedRelation, effect: Effect, at: number) => Candidates {
  const aboutAll = EFFECTS.map(effect =>
    candidatesOf(rules.filter(({ what }) => what.relations?.length === 0 && what.isAboutEffect(effect))),
  )
  const shelves = shelvesOf(rules)
  const aboutColumns = rules.filter(({ what }) => what.namesColumns)
  let known = new WeakMap<UsedRelation, (Candidates | undefined)[]>()
  let kept = 0
  return (relation, effect, at) => {
    let byEffect = known.get(relation)
    if (byEffect === undefined) {
      byEffect = new Array<Candidates | undefined>(EFFECTS.length).fill(undefined)
      known.set(relation, byEffect)
    }
    const found = byEffect[at]
    if (found !== undefined) return found
    const naming = showsWhatIsUnknown(relation) ? aboutColumns : []
    const named = [...namedBy(shelves, relation), ...naming].filter(({ what }) => what.isAboutEffect(effect))
    const unnamed = aboutAll[at] ?? NONE
    const candidates =
      named.length === 0 ? unnamed : candidatesOf([...new Set([...named, ...unnamed.rules])].sort(strictestFirst))
    kept += named.length === 0 ? 0 : candidates.rules.length
    byEffect[at] = candidates
    if (kept > KEPT_MAX) {
      known = new WeakMap()
      kept = 0
    }
    return candidates
  }
}

function shelvesOf(rules: readonly CompiledRule[]): Shelves {
  const shelves: Shelves = { byName: new Map(), bySchema: new Map(), byLastName: new Map(), loose: [] }
  for (const rule of rules) {
    for (const pattern of rule.what.relations ?? []) shelve(shelves, pattern, rule)
  }
  return shelves
}

function shelve({ byName, bySchema, byLastName, loose }: Shelves, { fixed }: Pattern, rule: CompiledRule): void {
  const [schema = null, name = null] = fixed
  if (schema !== null && name !== null) {
    const names = byName.get(schema) ?? new Map<string, CompiledRule[]>()
    byName.set(schema, names)
    put(names, name, rule)
  } else if (schema !== null) put(bySchema, schema, rule)
  else if (name !== null) put(byLastName, name, rule)
  else loose.push(rule)
}

function put(shelf: Map<string, CompiledRule[]>, key: string, rule: CompiledRule): void {
  const known = shelf.get(key)
  if (known === undefined) shelf.set(key, [rule])
  else known.push(rule)
}

/** The rules that name a relation, and those that name a column of another one that it shows. */
function namedBy(shelves: Shelves, relation: UsedRelation): readonly CompiledRule[] {
  const found = onShelves(shelves, relation)
  const others = new Map<string, RelationName>()
  for (const { origins } of relation.columns)
    for (const { schema, name } of origins)
      if (schema !== relation.schema || name !== relation.name)
        others.set(JSON.stringify([schema, name]), { schema, name })
  return [
    ...found,
    ...[...others.values()].flatMap(other => onShelves(shelves, other).filter(({ what }) => what.namesColumns)),
  ]
}

function onShelves(
  { byName, bySchema, byLastName, loose }: Shelves,
  { schema, name }: RelationName,
): readonly CompiledRule[] {
  const names = [schema, name]
  const matches = ({ what }: CompiledRule): boolean => what.relations?.some(pattern => pattern.matches(names)) ?? false
  return [
    ...(byName.get(schema)?.get(name) ?? []),
    ...[...(bySchema.get(schema) ?? []), ...(byLastName.get(name) ?? []), ...loose].filter(matches),
  ]
}

function candidatesOf(rules: readonly CompiledRule[]): Candidates {
  const first = rules[0]
  if (first === undefined) return NONE
  const end = rules.findIndex(({ rule }) => rule.decision !== first.rule.decision)
  const strictest = end < 0 ? rules : rules.slice(0, end)
  const isFixed = strictest.every(({ what }) => what.conditions.length === 0)
  // What comes behind a level that always answers is never asked.
  return isFixed
    ? { rules: strictest, answer: { answer: first.rule.decision, rules: strictest.map(({ rule }) => rule) } }
    : { rules, answer: null }
}

const strictestFirst = (a: CompiledRule, b: CompiledRule): number =>
  RANK[a.rule.decision] - RANK[b.rule.decision] || (a.rule.id < b.rule.id ? -1 : a.rule.id > b.rule.id ? 1 : 0)

/** Whether all further conditions of a rule hold. A loop, since this is done for every rule and use. */
export function allHold(conditions: readonly Condition[], use: Use, matter: Parameters<Condition>[1]): boolean {
  for (const condition of conditions) if (!condition(use, matter)) return false
  return true
}
