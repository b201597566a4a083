import type { KeyPath, PolicyIssue } from '../errors.ts'
import { isGlob } from './glob.ts'
import { readPattern } from './pattern.ts'
import type { Policy, Rule, What, Who } from './policy.ts'
import { shadowOf } from './shadow.ts'

/**
 * What is wrong with a policy whose shape is right. All of it would otherwise be silence: a rule that never fires, a
 * promise that this version can't keep.
 */
export const policyIssues = (policy: Policy): readonly PolicyIssue[] => [
  ...unsafeIssues(policy),
  ...policy.rules.flatMap((rule, index) => futileIssues(rule, ['rules', index], policy)),
  ...policy.rules.flatMap(({ who }, index) => wildcardIssues(who, ['rules', index, 'who'])),
  ...policy.masks.flatMap(({ who, unless }, index) => [
    ...wildcardIssues(who, ['masks', index, 'who']),
    ...wildcardIssues(unless, ['masks', index, 'unless']),
  ]),
  ...policy.limits.flatMap(({ who }, index) => wildcardIssues(who, ['limits', index, 'who'])),
]

/** The part of {@link policyIssues} without which deciding by the policy would be unsound, however it was made. */
export const unsafeIssues = (policy: Policy): readonly PolicyIssue[] => [
  ...duplicateIds(policy),
  ...policy.rules.flatMap((rule, index) => [
    ...patternIssues(rule.what.relations, 2, 'schema.relation', ['rules', index, 'what', 'relations']),
    ...patternIssues(rule.what.functions, 2, 'schema.function', ['rules', index, 'what', 'functions']),
    ...approvalIssues(rule, ['rules', index, 'approval']),
  ]),
  ...policy.masks.flatMap((entry, index) =>
    entry.kind === 'columns'
      ? patternIssues(entry.columns, 3, 'schema.relation.column', ['masks', index, 'columns'])
      : [],
  ),
]

const issue = (path: KeyPath, message: string): PolicyIssue => ({ path, message, at: 'value', location: null })

function duplicateIds({ rules }: Policy): readonly PolicyIssue[] {
  const firstWith = new Map<string, number>()
  return rules.flatMap(({ id }, index) => {
    const first = firstWith.get(id)
    if (first !== undefined) return [issue(['rules', index, 'id'], `is the id of rules[${first}] already`)]
    firstWith.set(id, index)
    return []
  })
}

const patternIssues = (
  patterns: readonly string[] | null,
  partCount: number,
  form: string,
  path: KeyPath,
): readonly PolicyIssue[] =>
  (patterns ?? []).flatMap((text, index) =>
    readPattern(text, partCount) === null ? [issue([...path, index], `can match nothing, expected ${form}`)] : [],
  )

function approvalIssues(rule: Rule, path: KeyPath): readonly PolicyIssue[] {
  if (rule.decision !== 'approve') return []
  const { quorum, mode, approverGroups } = rule.approval
  return [
    ...(quorum === 1 ? [] : [issue([...path, 'quorum'], 'this version takes one approver, expected 1')]),
    ...(mode === 'return' ? [issue([...path, 'mode'], 'this version holds only, expected hold or auto')] : []),
    ...(approverGroups.length > 0 ? [] : [issue([...path, 'approvers', 'groups'], 'must not be empty')]),
  ]
}

function futileIssues(rule: Rule, path: KeyPath, policy: Policy): readonly PolicyIssue[] {
  const { what, who, targets, decision } = rule
  if (isBlank(what)) {
    if (decision !== 'deny')
      return [issue(path, `empty rule: a rule that decides ${decision} must say what, by effects at least`)]
    if (isBlank(who) && targets === null) return [issue(path, 'empty rule: expected who, on or what')]
  }
  const contradiction = contradictionIn(what)
  if (contradiction !== null) return [issue([...path, 'what'], contradiction)]
  const shadow = shadowOf(rule, policy.rules)
  return shadow === null
    ? []
    : [issue(path, `can never fire: rule ${shadow.id} decides ${shadow.decision} wherever it matches`)]
}

const isBlank = (conditions: What | Who): boolean => Object.values(conditions).every(value => value === null)

const WRITING: readonly string[] = ['insert', 'update', 'delete', 'truncate']

function contradictionIn({ effects, relations, access, functions, unbounded }: What): string | null {
  if (functions !== null && (relations !== null || access !== null || unbounded !== null)) {
    return 'can never fire: what is done to a relation is no call of a function; make it two rules'
  }
  if (effects?.every(effect => effect === 'read') && access?.every(name => WRITING.includes(name))) {
    return 'can never fire: the effect of this access is never read'
  }
  return null
}

/** Groups and subjects are compared whole: who writes a wildcard expects something else. */
const wildcardIssues = (who: Who | null, path: KeyPath): readonly PolicyIssue[] =>
  Object.entries(who ?? {}).flatMap(([key, names]: [string, readonly string[] | null]) =>
    (names ?? []).flatMap((name, index) =>
      isGlob(name)
        ? [issue([...path, key, index], 'takes no wildcard; leave the condition out to mean everybody')]
        : [],
    ),
  )
