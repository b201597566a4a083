import {
  ACCESSES,
  type ApprovalRequirement,
  DATE_UNITS,
  DETECTORS,
  EFFECTS,
  type LimitEntry,
  type Mask,
  type MaskEntry,
  type Policy,
  type Rule,
  type What,
  type Who,
} from '@querywarden/policy-core'
import fc from 'fast-check'
import { WORLD } from './names.ts'

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { minLength: 1 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 1 })

/** Whom a rule, a mask or a limit is about. */
export const whos = (): fc.Arbitrary<Who> =>
  fc.record({
    groups: maybe(some(WORLD.groups)),
    subjects: fc.option(some(WORLD.subjects), { freq: 4, nil: null }).map(subjects => subjects),
    issuers: maybe(some(WORLD.issuers)),
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
  })

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

/** A mask and what it is on. */
export const maskEntries = (): fc.Arbitrary<MaskEntry> =>
  fc
    .record({
      mask: masks(),
      who: maybe(whos()),
      unless: maybe(whos()),
      targets: targetPatterns(),
      columns: fc.option(some(COLUMN_PATTERNS), { freq: 3 }),
      detectors: some(DETECTORS),
    })
    .map(({ columns, detectors, ...parts }) =>
      columns === null ? { ...parts, kind: 'detect', detectors } : { ...parts, kind: 'columns', columns },
    )

const maxima = (): fc.Arbitrary<number | null> => maybe(fc.integer({ min: 1, max: 1_000 }))

/** Limits and whom they hold. */
export const limitEntries = (): fc.Arbitrary<LimitEntry> =>
  fc.record({ who: whos(), targets: targetPatterns(), rowsMax: maxima(), bytesMax: maxima(), timeMsMax: maxima() })

/** A policy that `compilePolicy` takes. It may hold rules that never fire; `parsePolicy` would say so. */
export const policies = (decisions?: readonly Rule['decision'][]): fc.Arbitrary<Policy> =>
  fc
    .record({
      rules: fc.array(rules(decisions), { maxLength: 6 }),
      masks: fc.array(maskEntries(), { maxLength: 3 }),
      limits: fc.array(limitEntries(), { maxLength: 3 }),
    })
    .map(({ rules, masks, limits }) => ({
      version: 1,
      rules: rules.map((rule, index) => ({ ...rule, id: `rule-${index}` })),
      masks,
      limits,
    }))
