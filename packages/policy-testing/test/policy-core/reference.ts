import type { Decision, Identity, Policy, Principal, Rule, Target, Use, What, Who } from '@querywarden/policy-core'

type Answer = Decision['kind']

/**
 * The rules of deciding, said again as plainly as possible and sharing no code with what is tested: one pattern matcher
 * by regular expression, no preparation, no memory. Says nothing of masks.
 */
export function referenceAnswer(policy: Policy, principal: Principal, target: Target, uses: readonly Use[]): Answer {
  const sides: readonly Identity[] = principal.actor === null ? [principal] : [principal, principal.actor]
  const answers = uses.flatMap(use => sides.map(side => answerFor(policy, side, target, use)))
  if (answers.length === 0 || answers.includes('deny')) return 'deny'
  return answers.includes('approve') ? 'approve' : 'allow'
}

function answerFor(policy: Policy, side: Identity, target: Target, use: Use): Answer {
  const said = policy.rules
    .filter(rule => isAbout(rule.who, side))
    .filter(rule => rule.targets === null || rule.targets.some(pattern => fits(pattern, target.name)))
    .filter(rule => isAboutUse(rule, use))
    .map(rule => rule.decision)
  if (said.includes('deny')) return 'deny'
  if (said.includes('approve')) return 'approve'
  return said.includes('allow') ? 'allow' : 'deny'
}

const isAbout = ({ groups, subjects, issuers }: Who, side: Identity): boolean =>
  (groups ?? side.groups.concat('any')).some(group => group === 'any' || side.groups.includes(group)) &&
  (subjects ?? [side.subject]).includes(side.subject) &&
  (issuers ?? [side.issuer]).includes(side.issuer)

function isAboutUse({ decision, what }: Rule, use: Use): boolean {
  if (what.effects === null && use.effect === 'unknown' && decision !== 'deny') return false
  if (what.effects !== null && !what.effects.includes(use.effect)) return false
  const relational = what.relations !== null || what.access !== null || what.unbounded !== null
  if (use.kind === 'relation') return what.functions === null && isAboutRelation(what, use)
  if (what.functions !== null)
    return use.kind === 'function' && !relational && namesFunction(decision, what.functions, use)
  if (!relational) return true
  return decision === 'allow' && ['read', 'session', 'transaction'].includes(use.effect)
}

const isAboutRelation = ({ relations, access, unbounded }: What, use: Extract<Use, { kind: 'relation' }>): boolean =>
  (relations === null ||
    relations.some(pattern => fits(pattern.replaceAll('"', ''), `${use.relation.schema}.${use.relation.name}`))) &&
  (access === null || access.includes(use.access)) &&
  (unbounded === null || unbounded === use.unbounded)

/** A function without a schema could be any of its name, which only a deny may assume. */
const namesFunction = (
  decision: Rule['decision'],
  patterns: readonly string[],
  use: Extract<Use, { kind: 'function' }>,
): boolean =>
  patterns.some(pattern =>
    use.function.includes('.')
      ? fits(pattern, use.function)
      : decision === 'deny' && fits(pattern.slice(pattern.indexOf('.') + 1), use.function),
  )

const fits = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's').test(name)
