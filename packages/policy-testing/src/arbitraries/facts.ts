import { ACCESSES, type ColumnMention, EFFECTS, type Facts, type Place, type Use } from '@querywarden/policy-core'
import fc from 'fast-check'
import { WORLD } from './names.ts'
import { relations } from './relations.ts'

export type Understood = Extract<Facts, { kind: 'understood' }>

const places = (): fc.Arbitrary<Place> =>
  fc.tuple(fc.nat(100), fc.nat(20)).map(([start, length]) => ({ start, end: start + length }))

/** One thing that a statement does. */
export const uses = (): fc.Arbitrary<Use> =>
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

/** What a statement does, when it could be read. Now and then it does what no policy can allow, or nothing at all. */
export const understoodFacts = (): fc.Arbitrary<Understood> =>
  fc
    .record({
      tag: fc.constantFrom('SELECT', 'UPDATE', 'DROP TABLE'),
      uses: fc.oneof({ weight: 9, arbitrary: fc.array(uses(), { minLength: 1, maxLength: 4 }) }, fc.constant([])),
      isProhibited: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
      mentions: fc.array(mentions(), { maxLength: 3 }),
    })
    .map(({ tag, uses, isProhibited, mentions }) => ({
      kind: 'understood',
      tag,
      uses,
      mentions,
      columns: [],
      outputs: null,
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
