import { checkPolicy, type Policy, type Principal, type Rule } from '@querywarden/policy-core'
import fc from 'fast-check'
import { aimedStatements } from './aimed-statements.ts'
import { type Engine, judgeOf } from './engine.ts'
import type { Invariant, SearchRuns } from './invariant.ts'
import { NUM_RUNS } from './search.ts'
import { situations } from './situations.ts'
import { vocabularyOf } from './vocabulary.ts'

/** What is known of whether a rule ever has a say. */
export type RuleLife =
  | { readonly kind: 'alive'; readonly rule: string; readonly statement: string; readonly principal: Principal }
  /** No statement can ever meet it on this target. */
  | { readonly kind: 'dead'; readonly rule: string; readonly why: string }
  /** No statement that was tried met it: it may be dead, or no such statement is ever written. */
  | { readonly kind: 'not-seen'; readonly rule: string; readonly tries: number }

/**
 * Looks for a statement and a principal on which each rule of a policy decides. A rule that decides is one that the
 * explanation of the decision names.
 *
 * @example
 * for (const life of await livesOfRules(engine)) if (life.kind === 'alive') console.log(life.rule, life.statement)
 */
export async function livesOfRules(engine: Engine, runs: SearchRuns = {}): Promise<readonly RuleLife[]> {
  const { policy } = judgeOf(engine).policy
  const proofs = proofsOfDeath(engine, policy)
  const lives: RuleLife[] = []
  for (const rule of policy.rules) {
    const why = proofs.get(rule.id)
    lives.push(why === undefined ? await lifeOf(engine, policy, rule, runs) : { kind: 'dead', rule: rule.id, why })
  }
  return lives
}

async function lifeOf(
  engine: Engine,
  policy: Policy,
  rule: Rule,
  { numRuns = NUM_RUNS, seed }: SearchRuns,
): Promise<RuleLife> {
  const judge = judgeOf(engine)
  const alone = vocabularyOf([{ version: 1, rules: [rule], masks: [], limits: [] }])
  const cases = fc.record({
    statement: aimedStatements(engine.catalog, rule.what, alone),
    // Whom the rule is about, more often than anybody.
    situation: fc.oneof(situations(alone, {}), situations(vocabularyOf([policy]), {})),
  })
  const { counterexample } = await fc.check(
    fc.asyncProperty(cases, async ({ statement, situation }) => {
      const facts = await judge.classify(statement.text)
      const { reasons } = judge.decide(facts, situation)
      return !reasons.some(({ rules }) => rules.includes(rule.id))
    }),
    { numRuns, ...(seed === undefined ? {} : { seed }), endOnFailure: true },
  )
  if (counterexample === null) return { kind: 'not-seen', rule: rule.id, tries: numRuns }
  const [{ statement, situation }] = counterexample
  return { kind: 'alive', rule: rule.id, statement: statement.text, principal: situation.principal }
}

/** What the policy and the catalog alone prove of a rule: nothing is left of it, or all names of one of its lists match nothing. */
function proofsOfDeath({ catalog, target }: Engine, policy: Policy): ReadonlyMap<string, string> {
  const issues = checkPolicy(policy, catalog, target).filter(({ path }) => path[0] === 'rules')
  const proofs = new Map<string, string>()
  policy.rules.forEach((rule, index) => {
    const own = issues.filter(({ path }) => path[1] === index)
    const whole = own.find(({ path }) => path.length === 2)
    const idle = LISTS.find(list => {
      const patterns = rule.what[list]?.length ?? 0
      return patterns > 0 && own.filter(({ path }) => path[3] === list).length === patterns
    })
    if (whole !== undefined) proofs.set(rule.id, whole.message)
    else if (idle !== undefined) proofs.set(rule.id, `none of its ${idle} is in the catalog`)
  })
  return proofs
}

const LISTS = ['relations', 'columns', 'functions'] as const

/**
 * Every rule decides on some statement of somebody. Reports those that are proved never to, and those that never did in so
 * many tries, each as what it is.
 *
 * @param options.except the ids of rules that are known to meet nothing that can be generated
 * @example
 * await check(noDeadRules(engine, { except: [] }))
 */
export function noDeadRules(engine: Engine, { except }: { readonly except: readonly string[] }): Invariant {
  return {
    name: 'no rule is dead',
    search: async runs => {
      const lives = (await livesOfRules(engine, runs)).filter(({ rule }) => !except.includes(rule))
      const lines = lives.flatMap(complaint)
      if (lines.length > 0) return { kind: 'broken', report: lines.join('\n'), counterexample: null }
      return { kind: 'holds', tried: lives.length }
    },
  }
}

function complaint(life: RuleLife): readonly string[] {
  switch (life.kind) {
    case 'alive':
      return []
    case 'dead':
      return [`  rule ${life.rule} is dead: ${life.why}`]
    case 'not-seen':
      return [`  rule ${life.rule} was not seen to decide in ${life.tries} tries`]
  }
}
