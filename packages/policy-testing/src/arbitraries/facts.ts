import {
  ACCESSES,
  AGENCIES,
  COLUMN_ROLES,
  type ColumnMention,
  type ColumnUse,
  EFFECTS,
  type Facts,
  type Output,
  type Place,
  type Use,
} from '@querywarden/policy-core'
import fc from 'fast-check'
import { WORLD } from './names.ts'
import { relations } from './relations.ts'

export type Understood = Extract<Facts, { kind: 'understood' }>

const places = (): fc.Arbitrary<Place> =>
  fc.tuple(fc.nat(100), fc.nat(20)).map(([start, length]) => ({ start, end: start + length }))

/** One thing that a statement does, now and then by way of a trigger or its like. */
export const uses = (): fc.Arbitrary<Use> =>
  fc
    .tuple(directUses(), fc.constantFrom(...AGENCIES), fc.integer({ min: 0, max: 3 }))
    .map(([use, kind, chance]) => (chance === 0 ? { ...use, via: { kind, name: `public.orders.${kind}` } } : use))

const directUses = (): fc.Arbitrary<Use> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('relation' as const),
        effect: fc.constantFrom('read' as const, 'write' as const, ...EFFECTS),
        access: fc.constantFrom('select' as const, ...ACCESSES),
        relation: relations(),
        unbounded: fc.boolean(),
        place: places(),
      }),
    },
    fc.record({
      kind: fc.constant('function' as const),
      effect: fc.constantFrom(...EFFECTS),
      function: fc.constantFrom(...WORLD.functions),
      why: fc.constant('it is not pure'),
      place: places(),
    }),
    fc.record({
      kind: fc.constant('statement' as const),
      effect: fc.constantFrom(...EFFECTS),
      why: fc.constantFrom('begins a transaction', 'reads nothing'),
      place: places(),
    }),
  )

const mentions = (): fc.Arbitrary<ColumnMention> =>
  fc.record({
    name: fc.constantFrom('*', 'c', ...WORLD.relations, ...WORLD.columns),
    qualifier: fc.subarray(['c'], { maxLength: 1 }),
    place: places(),
  })

const columnUses = (): fc.Arbitrary<ColumnUse> =>
  fc.record({
    schema: fc.constantFrom(...WORLD.schemas),
    name: fc.constantFrom(...WORLD.relations),
    column: fc.constantFrom('*', 'unlisted', ...WORLD.columns, ...WORLD.columns),
    role: fc.constantFrom(...COLUMN_ROLES, 'target' as const),
    place: places(),
  })

const outputs = (): fc.Arbitrary<readonly Output[] | null> =>
  fc.option(
    fc.array(
      fc.record({
        name: fc.constant('c'),
        origins: fc.constant([]),
        lineage: fc.constantFrom('copy' as const, 'computed' as const, 'unknown' as const),
      }),
      { maxLength: 2 },
    ),
    { freq: 3 },
  )

/** What a statement does, when it could be read. Now and then it does what no policy can allow, or nothing at all. */
export const understoodFacts = (): fc.Arbitrary<Understood> =>
  fc
    .record({
      tag: fc.constantFrom(...WORLD.tags),
      uses: fc.oneof({ weight: 9, arbitrary: fc.array(uses(), { minLength: 1, maxLength: 4 }) }, fc.constant([])),
      isProhibited: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
      mentions: fc.array(mentions(), { maxLength: 3 }),
      columns: fc.array(columnUses(), { maxLength: 6 }),
      outputs: outputs(),
    })
    .map(({ tag, uses, isProhibited, mentions, columns, outputs }) => ({
      kind: 'understood',
      tag,
      uses,
      mentions,
      columns,
      outputs,
      calls: [],
      fingerprint: tag,
      prohibitions: isProhibited
        ? [{ code: 'ROLE_CHANGE', message: 'changes the role', hint: 'stay who you are', place: { start: 0, end: 3 } }]
        : [],
      canonical: tag,
      copy: null,
      searchPath: 'kept',
      catalogFingerprint: 'catalog-1',
    }))

/** What is known of a text that could not be read. */
export const opaqueFacts = (): fc.Arbitrary<Extract<Facts, { kind: 'opaque' }>> =>
  fc.record({
    kind: fc.constant('opaque' as const),
    code: fc.constantFrom('SYNTAX' as const, 'HAS_NUL' as const, 'UNKNOWN_NODE' as const),
    message: fc.constant('syntax error'),
    offset: fc.option(fc.nat(100)),
  })

/** Facts of any kind. */
export const facts = (): fc.Arbitrary<Facts> => fc.oneof({ weight: 9, arbitrary: understoodFacts() }, opaqueFacts())
