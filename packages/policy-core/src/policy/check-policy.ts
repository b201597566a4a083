import type { KeyPath, PolicyIssue } from '../errors.ts'
import { ambiguousNames } from './detector-pattern.ts'
import { isGlob, matchGlob } from './glob.ts'
import { localClock, noTimeZone } from './local-time.ts'
import { isTagPattern, readTypePattern } from './mask-cover.ts'
import { readPattern } from './pattern.ts'
import type {
  ActorCondition,
  ClaimCondition,
  MaskEntry,
  Policy,
  RowEstimate,
  Rule,
  TimeWindow,
  What,
  When,
  Who,
} from './policy.ts'
import { suggestion } from './schema-issues.ts'
import { type FindShadow, shadowFinder } from './shadow.ts'
import { STATEMENT_TAGS } from './statement-tags.ts'

/**
 * What is wrong with a policy whose shape is right. All of it would otherwise be silence: a rule that never fires, a
 * promise that this version can't keep.
 */
export const policyIssues = (policy: Policy): readonly PolicyIssue[] => [
  ...unsafeIssues(policy),
  ...futileRules(policy),
  ...policy.rules.flatMap(({ who }, index) => wildcardIssues(who, ['rules', index, 'who'])),
  ...policy.masks.flatMap(({ who, unless }, index) => [
    ...wildcardIssues(who, ['masks', index, 'who']),
    ...wildcardIssues(unless, ['masks', index, 'unless']),
  ]),
  ...policy.limits.flatMap(({ who }, index) => wildcardIssues(who, ['limits', index, 'who'])),
  ...(policy.record ?? []).flatMap(({ who }, index) => wildcardIssues(who, ['record', index, 'who'])),
]

function futileRules({ rules }: Policy): readonly PolicyIssue[] {
  // A deny of a relation, which may be wanted at once, must not be kept from being by the allows that it is to overrule.
  const findShadow = shadowFinder(rules, { by: 'plain' })
  return rules.flatMap((rule, index) => futileIssues(rule, ['rules', index], findShadow))
}

/** The part of {@link policyIssues} without which deciding by the policy would be unsound, however it was made. */
export const unsafeIssues = (policy: Policy): readonly PolicyIssue[] => [
  ...duplicateIds(policy),
  ...ambiguousNames(policy),
  ...policy.rules.flatMap((rule, index) => [
    ...patternIssues(rule.what.relations, 2, 'schema.relation', ['rules', index, 'what', 'relations']),
    ...patternIssues(rule.what.functions, 2, 'schema.function', ['rules', index, 'what', 'functions']),
    ...patternIssues(rule.what.columns, 3, 'schema.relation.column', ['rules', index, 'what', 'columns']),
    ...zoneIssues(rule.when, ['rules', index, 'on', 'when']),
    ...approvalIssues(rule, ['rules', index, 'approval']),
  ]),
  ...policy.masks.flatMap((entry, index) => coverIssues(entry, ['masks', index])),
]

function coverIssues(entry: MaskEntry, path: KeyPath): readonly PolicyIssue[] {
  const futile = (texts: readonly string[], isSound: (text: string) => boolean, form: string): readonly PolicyIssue[] =>
    texts.flatMap((text, index) =>
      isSound(text) ? [] : [issue([...path, entry.kind, index], `can match nothing, expected ${form}`)],
    )
  switch (entry.kind) {
    case 'columns':
      return patternIssues(entry.columns, 3, 'schema.relation.column', [...path, 'columns'])
    case 'tags':
      return futile(entry.tags, isTagPattern, 'a tag such as pii.ssn, or a pattern such as pii.*')
    case 'types':
      return futile(entry.types, text => readTypePattern(text) !== null, 'the name of a type, or schema.type')
    case 'detect':
      return []
  }
}

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

const zoneIssues = (when: When | null, path: KeyPath): readonly PolicyIssue[] =>
  (when?.windows ?? []).flatMap(({ zone }) => (localClock(zone) === null ? [issue(path, noTimeZone(zone))] : []))

function approvalIssues(rule: Rule, path: KeyPath): readonly PolicyIssue[] {
  if (rule.decision !== 'approve') return []
  const { quorum, mode, approverGroups } = rule.approval
  return [
    ...(quorum === 1 ? [] : [issue([...path, 'quorum'], 'this version takes one approver, expected 1')]),
    ...(mode === 'return' ? [issue([...path, 'mode'], 'this version holds only, expected hold or auto')] : []),
    ...(approverGroups.length > 0 ? [] : [issue([...path, 'approvers', 'groups'], 'must not be empty')]),
  ]
}

function futileIssues(rule: Rule, path: KeyPath, findShadow: FindShadow): readonly PolicyIssue[] {
  const { what, who, targets, when, decision } = rule
  if (isBlank(what)) {
    if (decision !== 'deny')
      return [issue(path, `empty rule: a rule that decides ${decision} must say what, by effects at least`)]
    if (isBlank(who) && targets === null && when === null) return [issue(path, 'empty rule: expected who, on or what')]
  }
  const contradictions = [
    ...tagIssues(what.tags, [...path, 'what', 'tags']),
    ...contradictionsIn(what).map(message => issue([...path, 'what'], message)),
    ...whenIssues(when, [...path, 'on']),
  ]
  if (contradictions.length > 0) return contradictions
  const shadow = findShadow(rule)
  return shadow === null
    ? []
    : [issue(path, `can never fire: rule ${shadow.id} decides ${shadow.decision} wherever it matches`)]
}

const isBlank = (conditions: What | Who): boolean => Object.values(conditions).every(value => value === null)

const WRITING: readonly string[] = ['insert', 'update', 'delete', 'truncate']

function contradictionsIn({
  effects,
  relations,
  access,
  functions,
  unbounded,
  columns,
  estimatedRows,
}: What): string[] {
  const isRelational = relations !== null || access !== null || unbounded !== null || columns !== null
  if (functions !== null && isRelational)
    return ['can never fire: what is done to a relation is no call of a function; make it two rules']
  if (relations !== null && columns !== null)
    return ['says relations twice: columns name theirs; leave relations out, or make it two rules']
  if (effects?.every(effect => effect === 'read') && access?.every(name => WRITING.includes(name)))
    return ['can never fire: the effect of this access is never read']
  if (estimatedRows !== null && isImpossible(estimatedRows))
    return ['can never fire: no number of rows is over the one and at most the other']
  return []
}

const isImpossible = ({ over, atMost }: RowEstimate): boolean => over !== null && atMost !== null && over >= atMost

const tagIssues = (tags: readonly string[] | null, path: KeyPath): readonly PolicyIssue[] =>
  (tags ?? []).flatMap((tag, index) =>
    STATEMENT_TAGS.some(known => matchGlob(tag, known))
      ? []
      : [issue([...path, index], `no statement has this tag, ${tagSuggestion(tag)}`)],
  )

/** The whole list would fill a screen. */
function tagSuggestion(tag: string): string {
  const near = suggestion(tag, STATEMENT_TAGS)
  return near.startsWith('expected') ? 'expected one such as DROP TABLE, or a pattern such as CREATE *' : near
}

function whenIssues(when: When | null, path: KeyPath): readonly PolicyIssue[] {
  if (when === null) return []
  const { windows, from, until } = when
  return [
    ...(windows ?? [])
      .filter(isEmptyWindow)
      .map(() => issue([...path, 'when'], 'is never: it ends when it begins; leave from and to out to mean all day')),
    ...(from !== null && until !== null && from >= until
      ? [issue([...path, 'until'], 'is never: it ends before it begins')]
      : []),
  ]
}

const isEmptyWindow = ({ from, to }: TimeWindow): boolean => from === to || from >= 1_440

/** Names are compared whole: who writes a wildcard expects something else. */
function wildcardIssues(who: Who | null, path: KeyPath): readonly PolicyIssue[] {
  if (who === null) return []
  const { groups, subjects, issuers, claims, actor } = who
  return [
    ...globsIn({ groups, subjects, issuers }, path),
    ...(claims ?? []).flatMap(claim => globsInClaim(claim, [...path, 'claims'])),
    ...globsInActor(actor, [...path, 'actor']),
  ]
}

const globsInActor = (actor: ActorCondition | null, path: KeyPath): readonly PolicyIssue[] => {
  if (actor?.kind !== 'like') return []
  const { groups, subjects, issuers } = actor
  return globsIn({ groups, subjects, issuers }, path)
}

const globsInClaim = ({ name, values }: ClaimCondition, path: KeyPath): readonly PolicyIssue[] =>
  values.some(value => typeof value === 'string' && isGlob(value)) ? [issue([...path, name], NO_WILDCARD)] : []

const globsIn = (lists: Readonly<Record<string, readonly string[] | null>>, path: KeyPath): readonly PolicyIssue[] =>
  Object.entries(lists).flatMap(([key, names]) =>
    (names ?? []).flatMap((name, index) => (isGlob(name) ? [issue([...path, key, index], NO_WILDCARD)] : [])),
  )

const NO_WILDCARD = 'takes no wildcard; leave the condition out to mean everybody'
