import type { Use, UsedRelation, Via } from './facts.ts'
import type { Matter } from './policy/match-what.ts'
import type { Rule } from './policy/policy.ts'
import { allHold, type RuleIndex } from './policy/rule-index.ts'
import type { Standing } from './policy/standing.ts'
import { printable, printableName } from './printable.ts'

/** From the mildest to the strictest. */
const ANSWERS = ['allow', 'approve', 'deny'] as const
export type RuledAnswer = (typeof ANSWERS)[number]

/** The answer for one use of a statement. */
export interface Ruling {
  readonly use: Use
  readonly answer: RuledAnswer
  /** The rules that gave this answer, by id; none for the default deny. */
  readonly rules: readonly Rule[]
}

type SideRuling = Pick<Ruling, 'answer' | 'rules'>

/** Rules on one use: each side rules by itself, and the stricter side holds. */
export function ruleOn({ sides }: Standing, use: Use, matter: Matter): Ruling {
  const [principal, actor] = sides
  const first = principal === undefined ? DEFAULT : ruleOnSide(principal, use, matter)
  const { answer, rules } = actor === undefined ? first : stricter(first, ruleOnSide(actor, use, matter))
  return { use, answer, rules }
}

/** The strictest of some answers; null where there is none. */
export function strictestOf(rulings: readonly { readonly answer: RuledAnswer }[]): RuledAnswer | null {
  let strictest: RuledAnswer | null = null
  for (const { answer } of rulings) {
    if (answer === 'deny') return answer
    if (strictest === null || answer === 'approve') strictest = answer
  }
  return strictest
}

function stricter(a: SideRuling, b: SideRuling): SideRuling {
  if (a.answer !== b.answer) return ANSWERS.indexOf(a.answer) > ANSWERS.indexOf(b.answer) ? a : b
  if (a.rules === b.rules || b.rules.length === 0) return a
  const rules = new Map([...a.rules, ...b.rules].map(rule => [rule.id, rule]))
  return { answer: a.answer, rules: [...rules.values()].sort((one, other) => (one.id < other.id ? -1 : 1)) }
}

const DEFAULT: SideRuling = { answer: 'deny', rules: [] }

/** The candidates come from the strictest on, so the first that holds gives the answer, with all others of its kind. */
function ruleOnSide(index: RuleIndex, use: Use, matter: Matter): SideRuling {
  const candidates = index(use)
  if (candidates.answer !== null) return candidates.answer
  let answer: RuledAnswer | null = null
  const rules: Rule[] = []
  for (const { rule, what } of candidates.rules) {
    if (answer !== null && rule.decision !== answer) break
    if (!allHold(what.conditions, use, matter)) continue
    answer = rule.decision
    rules.push(rule)
  }
  return answer === null ? DEFAULT : { answer, rules }
}

/** A use in words, without literals. */
export function describeUse(use: Use, tag: string): string {
  const by = use.via === undefined ? '' : `, done by ${viaName(use.via)}`
  switch (use.kind) {
    case 'relation': {
      return `${use.unbounded ? 'unbounded ' : ''}${actOf(use, use.tag ?? tag)} ${nameOf(use.relation)}${by}`
    }
    case 'function':
      return `call of ${printable(use.function)}${by}`
    case 'statement':
      return `${printable(use.why)}${by}`
  }
}

/** Relations live as long as a catalog, and are named for every statement that uses them. */
const names = new WeakMap<UsedRelation, string>()

function nameOf(relation: UsedRelation): string {
  const known = names.get(relation)
  if (known !== undefined) return known
  const name = `${printableName(relation.schema)}.${printableName(relation.name)}`
  names.set(relation, name)
  return name
}

/** `trigger public.orders.audit`. */
export const viaName = ({ kind, name }: Via): string => `${kind} ${printable(name)}`

/** `select on`; for an access that stands for many commands, the command itself: `drop of`. */
function actOf({ access }: Extract<Use, { kind: 'relation' }>, tag: string): string {
  if (access !== 'ddl' && access !== 'maintain') return `${access} on`
  return `${printable(tag.split(' ')[0]?.toLowerCase() ?? access)} of`
}
