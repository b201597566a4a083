import fc from 'fast-check'
import type { ValuePlan } from './value-types.ts'

/**
 * A query before it is about anything: choices, as numbers that are later taken modulo what there is to choose from. So no
 * choice depends on another, and each can shrink by itself.
 */
export interface QueryPlan {
  readonly source: SourcePlan
  readonly joins: readonly JoinPlan[]
  /** Empty: a star. */
  readonly outputs: readonly OutputPlan[]
  readonly where: PredicatePlan | null
  readonly grouping: GroupingPlan | null
  readonly order: readonly OrderPlan[]
  readonly isDistinct: boolean
  readonly limit: number | null
  readonly isLocking: boolean
  readonly union: UnionPlan | null
  /** Names its tables by an alias, and its outputs. */
  readonly isAliased: boolean
}

export type SourcePlan =
  | { readonly kind: 'relation'; readonly relation: number; readonly isBare: boolean }
  /** `flat`: what the query is from, without the query around it. Others shrink to it. */
  | { readonly kind: 'flat' | 'subquery' | 'named'; readonly query: QueryPlan }

export interface JoinPlan {
  readonly source: SourcePlan
  readonly how: 'comma' | 'cross' | 'inner' | 'left' | 'right' | 'full'
  readonly isUsing: boolean
  readonly column: number
}

/** A column of what is in sight; `isOuter`: of the query around, where there is one. */
export interface ColumnPlan {
  readonly column: number
  readonly isOuter: boolean
}

export type OutputPlan =
  | { readonly kind: 'column' | 'as-text' | 'call' | 'concat'; readonly of: ColumnPlan; readonly variant: number }
  | { readonly kind: 'case'; readonly when: PredicatePlan; readonly of: ColumnPlan }
  | { readonly kind: 'literal'; readonly value: ValuePlan }
  | { readonly kind: 'count'; readonly relation: number; readonly column: number }

export interface GroupingPlan {
  readonly keys: readonly number[]
  readonly aggregates: readonly { readonly of: number; readonly variant: number }[]
  readonly having: number | null
}

export interface OrderPlan {
  readonly column: number
  readonly isDescending: boolean
}

export interface UnionPlan {
  readonly isAll: boolean
  readonly relation: number
  readonly column: number
}

export type PredicatePlan =
  | { readonly kind: 'null-test'; readonly of: ColumnPlan; readonly isNull: boolean }
  | { readonly kind: 'compare'; readonly of: ColumnPlan; readonly operator: number; readonly value: ValuePlan }
  | { readonly kind: 'like'; readonly of: ColumnPlan; readonly text: string }
  | { readonly kind: 'in-list'; readonly of: ColumnPlan; readonly values: readonly ValuePlan[] }
  | { readonly kind: 'between'; readonly of: ColumnPlan; readonly low: ValuePlan; readonly high: ValuePlan }
  | { readonly kind: 'in-query'; readonly of: ColumnPlan; readonly query: QueryPlan; readonly isNot: boolean }
  | { readonly kind: 'exists'; readonly query: QueryPlan }
  | { readonly kind: 'both'; readonly isOr: boolean; readonly left: PredicatePlan; readonly right: PredicatePlan }
  | { readonly kind: 'not'; readonly of: PredicatePlan }

/** Any choice: taken modulo what there is. */
export const choices = (): fc.Arbitrary<number> => fc.nat(9_999)

/** Now and then a value, else null, which it shrinks to. */
export const sometimes = <T>(arbitrary: fc.Arbitrary<T>, oneIn = 4): fc.Arbitrary<T | null> =>
  fc.oneof(
    { withCrossShrink: true, depthIdentifier: DEPTH, maxDepth: DEPTH_MAX },
    { weight: oneIn - 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary },
  )

/** A few values, each there once in so many: unlike an array's, each can go by itself when it shrinks. */
export const several = <T>(arbitrary: fc.Arbitrary<T>, oneIn: readonly number[]): fc.Arbitrary<readonly T[]> =>
  fc
    .tuple(...oneIn.map(chance => sometimes(arbitrary, chance)))
    .map(values => values.flatMap(value => (value === null ? [] : [value])))

const rarely = (oneIn: number): fc.Arbitrary<boolean> =>
  sometimes(fc.constant(true), oneIn).map(value => value !== null)

/** What is left of a choice when it shrinks stands first. */
const alternatives = <T>(first: fc.Arbitrary<T>, ...more: readonly fc.Arbitrary<T>[]): fc.Arbitrary<T> =>
  fc.oneof({ withCrossShrink: true, depthIdentifier: DEPTH, maxDepth: DEPTH_MAX }, first, ...more)

/** Queries within queries count as one depth, wherever they stand. */
const DEPTH = 'querywarden-sql'
const DEPTH_MAX = 5

const TEXTS = ['', 'a', 'new', "it's", 'é', '%', '--', '/*', 'a;b', '$1', '"q"']

/** What literals are made from. */
export const valuePlans = (): fc.Arbitrary<ValuePlan> =>
  fc.record({ number: fc.nat(99), text: fc.constantFrom(...TEXTS), isNull: rarely(8) })

const columnPlans = (): fc.Arbitrary<ColumnPlan> => fc.record({ column: choices(), isOuter: rarely(3) })

type Plans = {
  readonly query: QueryPlan
  readonly source: SourcePlan
  readonly predicate: PredicatePlan
  readonly output: OutputPlan
}

const plans: fc.LetrecValue<Plans> = fc.letrec<Plans>(tie => ({
  query: fc.record({
    source: tie('source'),
    joins: several(joinPlans(tie('source')), [4, 6]),
    outputs: several(tie('output'), [2, 2, 3]),
    where: sometimes(tie('predicate'), 2),
    grouping: sometimes(groupingPlans(), 6),
    order: several(orderPlans(), [5, 8]),
    isDistinct: rarely(6),
    limit: sometimes(fc.nat(20)),
    isLocking: rarely(12),
    union: sometimes(fc.record({ isAll: fc.boolean(), relation: choices(), column: choices() }), 8),
    isAliased: rarely(3),
  }),
  source: alternatives<SourcePlan>(
    fc.record({ kind: fc.constant('relation'), relation: choices(), isBare: rarely(3) }),
    fc.record({ kind: fc.constant('relation'), relation: choices(), isBare: rarely(3) }),
    fc.record({ kind: fc.constantFrom('flat', 'subquery', 'subquery', 'named', 'named'), query: tie('query') }),
  ),
  predicate: alternatives<PredicatePlan>(
    fc.record({ kind: fc.constant('null-test'), of: columnPlans(), isNull: fc.boolean() }),
    fc.record({ kind: fc.constant('compare'), of: columnPlans(), operator: choices(), value: valuePlans() }),
    fc.record({ kind: fc.constant('compare'), of: columnPlans(), operator: choices(), value: valuePlans() }),
    fc.record({ kind: fc.constant('like'), of: columnPlans(), text: fc.constantFrom('%', 'a%', '_') }),
    fc.record({
      kind: fc.constant('in-list'),
      of: columnPlans(),
      values: fc.array(valuePlans(), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('between'), of: columnPlans(), low: valuePlans(), high: valuePlans() }),
    fc.record({ kind: fc.constant('in-query'), of: columnPlans(), query: tie('query'), isNot: fc.boolean() }),
    fc.record({ kind: fc.constant('exists'), query: tie('query') }),
    fc.record({ kind: fc.constant('both'), isOr: fc.boolean(), left: tie('predicate'), right: tie('predicate') }),
    fc.record({ kind: fc.constant('not'), of: tie('predicate') }),
  ),
  output: alternatives<OutputPlan>(
    columnOutputs('column'),
    columnOutputs('column'),
    columnOutputs('column'),
    columnOutputs('as-text'),
    columnOutputs('call'),
    columnOutputs('concat'),
    fc.record({ kind: fc.constant('case'), when: tie('predicate'), of: columnPlans() }),
    fc.record({ kind: fc.constant('literal'), value: valuePlans() }),
    fc.record({ kind: fc.constant('count'), relation: choices(), column: choices() }),
  ),
}))

function columnOutputs(kind: 'column' | 'as-text' | 'call' | 'concat'): fc.Arbitrary<OutputPlan> {
  return fc.record({ kind: fc.constant(kind), of: columnPlans(), variant: choices() })
}

function joinPlans(source: fc.Arbitrary<SourcePlan>): fc.Arbitrary<JoinPlan> {
  const how = fc.constantFrom('comma', 'cross', 'inner', 'inner', 'left', 'right', 'full')
  return fc.record({ source, how, isUsing: fc.boolean(), column: choices() })
}

function groupingPlans(): fc.Arbitrary<GroupingPlan> {
  return fc.record({
    keys: fc.array(choices(), { maxLength: 2 }),
    aggregates: fc.array(fc.record({ of: choices(), variant: choices() }), { minLength: 1, maxLength: 2 }),
    having: sometimes(fc.nat(3), 3),
  })
}

function orderPlans(): fc.Arbitrary<OrderPlan> {
  return fc.record({ column: choices(), isDescending: fc.boolean() })
}

/** Queries, none of which is about anything yet. */
export const queryPlans = (): fc.Arbitrary<QueryPlan> => plans.query

/** Conditions on rows. */
export const predicatePlans = (): fc.Arbitrary<PredicatePlan> => plans.predicate
