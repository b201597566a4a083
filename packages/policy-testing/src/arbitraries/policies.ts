import {
  ACCESSES,
  type ActorCondition,
  type ApprovalRequirement,
  type ClaimCondition,
  DATE_UNITS,
  DETECTORS,
  EFFECTS,
  type LimitEntry,
  type Mask,
  type MaskEntry,
  ON_MASK,
  type Policy,
  PREDICATE_MODES,
  type RecordEntry,
  type RowRecording,
  type Rule,
  type TimeWindow,
  WEEKDAYS,
  type What,
  type When,
  type Who,
} from '@querywarden/policy-core'
import fc from 'fast-check'
import { WORLD } from './names.ts'
import { instants } from './surroundings.ts'

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { minLength: 1 })
/** `fc.option` gives null once in `freq` + 1 times; conditions are to be there once in a while only. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 1 })

const identityConditions = {
  groups: maybe(some(WORLD.groups)),
  subjects: fc.option(some(WORLD.subjects), { freq: 4, nil: null }).map(subjects => subjects),
  issuers: maybe(some(WORLD.issuers)),
}

const claimConditions = (): fc.Arbitrary<ClaimCondition> =>
  fc.record({ name: fc.constantFrom(...WORLD.claims), values: some(WORLD.claimValues) })

const actorConditions = (): fc.Arbitrary<ActorCondition> =>
  fc.oneof(
    fc.constantFrom<ActorCondition>({ kind: 'none' }, { kind: 'any' }),
    fc.record({ kind: fc.constant('like' as const), ...identityConditions }),
  )

/** Whom a rule, a mask or a limit is about. */
export const whos = (): fc.Arbitrary<Who> =>
  fc.record({
    ...identityConditions,
    claims: rarely(fc.array(claimConditions(), { minLength: 1, maxLength: 2 })),
    actor: rarely(actorConditions()),
  })

const timeWindows = (): fc.Arbitrary<TimeWindow> =>
  fc.record({
    days: maybe(some(WEEKDAYS)),
    from: fc.integer({ min: 0, max: 1_439 }),
    to: fc.integer({ min: 1, max: 1_440 }),
    zone: fc.constantFrom(...WORLD.zones),
  })

/** When a rule holds. */
export const whens = (): fc.Arbitrary<When> =>
  fc.record({
    windows: maybe(fc.array(timeWindows(), { minLength: 1, maxLength: 2 })),
    from: rarely(instants()),
    until: rarely(instants()),
  })

const targetPatterns = (): fc.Arbitrary<readonly string[] | null> => maybe(some([...WORLD.targets, '*', 'a*']))

const quoted = (name: string): string => (name.includes('.') ? `"${name}"` : name)
const RELATION_PATTERNS = [
  '*.*',
  'public.*',
  'public.c*s',
  ...WORLD.schemas.flatMap(schema => WORLD.relations.map(name => `${schema}.${quoted(name)}`)),
]

/** What a rule is about. */
export const whats = (): fc.Arbitrary<What> =>
  fc.record({
    effects: maybe(some(EFFECTS)),
    relations: maybe(some(RELATION_PATTERNS)),
    access: fc.option(some(ACCESSES), { freq: 3 }),
    functions: fc.option(some(['pg_catalog.*', 'public.charge', '*.*']), { freq: 3 }),
    unbounded: fc.option(fc.boolean(), { freq: 3 }),
    tags: rarely(some(['SELECT', 'DELETE', 'DROP TABLE', 'DROP *', '*'])),
    columns: rarely(some(USED_COLUMN_PATTERNS)),
    via: rarely(some(['statement', 'trigger', 'function'] as const)),
    estimatedRows: rarely(
      fc.record({ over: maybe(fc.constantFrom(0, 10, 100)), atMost: maybe(fc.constantFrom(10, 100, 1_000)) }),
    ),
    multiStatement: rarely(fc.boolean()),
    inTransaction: rarely(fc.boolean()),
  })

const USED_COLUMN_PATTERNS = [
  '*.*.*',
  'public.*.*',
  '*.*.ssn',
  'public.customers.*',
  '*.*.id',
  'hr.orders.note',
  '*.*.note',
]

const approvals = (): fc.Arbitrary<ApprovalRequirement> =>
  fc.record({
    approverGroups: some(WORLD.groups),
    quorum: fc.constant(1),
    expiresMs: fc.constantFrom(60_000, 600_000),
    mode: fc.constantFrom('hold' as const, 'auto' as const),
  })

/** One line of policy. Its id is its own to the arbitrary only: {@link policies} gives ids that differ. */
export const rules = (decisions: readonly Rule['decision'][] = ['allow', 'approve', 'deny']): fc.Arbitrary<Rule> =>
  fc
    .record({
      id: fc.constant('rule'),
      decision: fc.constantFrom(...decisions),
      who: whos(),
      targets: targetPatterns(),
      when: rarely(whens()),
      what: whats(),
      reason: fc.constantFrom(null, 'Because.'),
      approval: approvals(),
    })
    .map(({ decision, approval, ...parts }) =>
      decision === 'approve' ? { ...parts, decision, approval } : { ...parts, decision },
    )

/** How a value is shown. */
export const masks = (): fc.Arbitrary<Mask> =>
  fc.oneof(
    fc.constantFrom<Mask>({ kind: 'redact' }, { kind: 'null' }, { kind: 'email' }),
    fc.record({
      kind: fc.constant('partial' as const),
      first: fc.nat(3),
      last: fc.nat(4),
      fill: fc.constantFrom('*', '#'),
    }),
    fc.record({
      kind: fc.constant('hash' as const),
      key: fc.constantFrom(null, { kind: 'env' as const, name: 'KEY' }, { kind: 'file' as const, path: 'key' }),
    }),
    fc.record({ kind: fc.constant('constant' as const), value: fc.constantFrom('n/a', '-') }),
    fc.record({ kind: fc.constant('date-trunc' as const), unit: fc.constantFrom(...DATE_UNITS) }),
  )

const COLUMN_PATTERNS = ['*.*.ssn', 'public.customers.*', 'public.customers.email', 'hr.*.note', '*.*.no_such']

const TAG_PATTERNS = ['pii.ssn', 'pii.*', '*.id', 'no.such']
const TYPE_PATTERNS = ['text', 'pg_catalog.*', 'hr.ssn_t', 'integer', 'no_such']

/** A mask and what it is on. */
export const maskEntries = (): fc.Arbitrary<MaskEntry> =>
  fc
    .record({
      mask: masks(),
      predicates: fc.constantFrom(...PREDICATE_MODES),
      lookups: fc.constant(ON_MASK.lookups),
      who: maybe(whos()),
      unless: maybe(whos()),
      targets: targetPatterns(),
      on: fc.oneof(
        { weight: 4, arbitrary: fc.record({ kind: fc.constant('columns' as const), columns: some(COLUMN_PATTERNS) }) },
        fc.record({ kind: fc.constant('tags' as const), tags: some(TAG_PATTERNS) }),
        fc.record({ kind: fc.constant('types' as const), types: some(TYPE_PATTERNS) }),
        fc.record({ kind: fc.constant('detect' as const), detectors: some(DETECTORS) }),
      ),
    })
    .map(({ on, ...parts }): MaskEntry => ({ ...parts, ...on }))

const maxima = (): fc.Arbitrary<number | null> => maybe(fc.integer({ min: 1, max: 1_000 }))

/** Limits and whom they hold. */
export const limitEntries = (): fc.Arbitrary<LimitEntry> =>
  fc.record({
    who: whos(),
    targets: targetPatterns(),
    rowsMax: maxima(),
    bytesMax: maxima(),
    timeMsMax: maxima(),
    statementsPerMinuteMax: maxima(),
    statementsPerDayMax: maxima(),
  })

/** What is recorded of rows, and of whose. */
export const recordEntries = (): fc.Arbitrary<RecordEntry> =>
  fc.record({
    who: whos(),
    targets: targetPatterns(),
    rows: fc.oneof(
      fc.constantFrom<RowRecording>({ kind: 'digest' }, { kind: 'all' }),
      fc.record({ kind: fc.constant('first' as const), rows: fc.integer({ min: 1, max: 1_000 }) }),
    ),
  })

/** A policy that `compilePolicy` takes. It may hold rules that never fire; `parsePolicy` would say so. */
export const policies = (decisions?: readonly Rule['decision'][]): fc.Arbitrary<Policy> =>
  fc
    .record({
      rules: fc.array(rules(decisions), { maxLength: 6 }),
      masks: fc.array(maskEntries(), { maxLength: 3 }),
      limits: fc.array(limitEntries(), { maxLength: 3 }),
      record: fc.option(fc.array(recordEntries(), { maxLength: 3 }), { nil: undefined }),
    })
    .map(({ rules, masks, limits, record }) => ({
      version: 1,
      rules: rules.map((rule, index) => ({ ...rule, id: `rule-${index}` })),
      masks,
      limits,
      ...(record === undefined ? {} : { record }),
    }))
