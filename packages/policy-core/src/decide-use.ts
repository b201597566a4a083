import type { Use } from './facts.ts'
import type { Rule } from './policy/policy.ts'
import type { CompiledRule, Standing } from './policy/standing.ts'
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
  /** The use in words, without literals. */
  readonly described: string
}

/** Rules on one use: each side rules by itself, and the stricter side holds. */
export function ruleOn({ sides }: Standing, use: Use, tag: string): Ruling {
  const rulings = sides.map(rules => ruleOnSide(rules, use))
  const answer = strictestOf(rulings) ?? 'deny'
  const rules = new Map(
    rulings.filter(ruling => ruling.answer === answer).flatMap(ruling => ruling.rules.map(rule => [rule.id, rule])),
  )
  return {
    use,
    answer,
    rules: [...rules.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    described: describe(use, tag),
  }
}

/** The strictest of some answers; null where there is none. */
export const strictestOf = (rulings: readonly { readonly answer: RuledAnswer }[]): RuledAnswer | null =>
  ANSWERS.findLast(answer => rulings.some(ruling => ruling.answer === answer)) ?? null

function ruleOnSide(rules: readonly CompiledRule[], use: Use): Pick<Ruling, 'answer' | 'rules'> {
  const matching = rules.filter(({ matches }) => matches(use)).map(({ rule }) => rule)
  const answer = ANSWERS.findLast(decision => matching.some(rule => rule.decision === decision)) ?? 'deny'
  return { answer, rules: matching.filter(rule => rule.decision === answer) }
}

function describe(use: Use, tag: string): string {
  switch (use.kind) {
    case 'relation': {
      const { schema, name } = use.relation
      return `${use.unbounded ? 'unbounded ' : ''}${actOf(use, tag)} ${printableName(schema)}.${printableName(name)}`
    }
    case 'function':
      return `call of ${printable(use.function)}`
    case 'statement':
      return printable(use.why)
  }
}

/** `select on`; for an access that stands for many commands, the command itself: `drop of`. */
function actOf({ access }: Extract<Use, { kind: 'relation' }>, tag: string): string {
  if (access !== 'ddl' && access !== 'maintain') return `${access} on`
  return `${printable(tag.split(' ')[0]?.toLowerCase() ?? access)} of`
}
