import type { Ruling } from './decide-use.ts'
import type { ApprovalTerms } from './decision.ts'
import type { ApprovalRequirement } from './policy/policy.ts'

/** From the one that keeps a statement waiting to the one that turns it away: the stricter comes later. */
const MODES = ['hold', 'auto', 'return'] as const

/** What all the rules that asked for a person ask for together: every list of approvers, the largest quorum, the shortest time. */
export function approvalTerms(rulings: readonly Ruling[]): ApprovalTerms {
  const asking = new Map<string, ApprovalRequirement>()
  for (const { answer, rules } of rulings) {
    if (answer !== 'approve') continue
    for (const rule of rules) if (rule.decision === 'approve') asking.set(rule.id, rule.approval)
  }
  const requirements = [...asking].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, requirement]) => requirement)
  const groupLists = new Map(
    requirements.map(({ approverGroups }) => [JSON.stringify([...approverGroups].sort()), approverGroups]),
  )
  return {
    rules: [...asking.keys()].sort(),
    approverGroups: [...groupLists.values()],
    quorum: Math.max(...requirements.map(({ quorum }) => quorum)),
    expiresMs: Math.min(...requirements.map(({ expiresMs }) => expiresMs)),
    mode: MODES.findLast(mode => requirements.some(requirement => requirement.mode === mode)) ?? 'return',
  }
}
