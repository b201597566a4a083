import type { ResultColumn } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRow } from '../../test/encode-row.ts'
import { MASK_CASES } from '../../test/mask-cases.ts'
import type { ColumnAction } from '../data-row/column-action.ts'
import { columnActions } from '../data-row/column-actions.ts'
import { dataRowMasker } from '../data-row/data-row-masker.ts'
import { OutputBuffer } from '../data-row/output-buffer.ts'
import { CANDIDATES } from '../detect/candidates.ts'
import { MaskingError } from '../errors.ts'
import { automatonFor, runOnBytes } from './automaton.ts'
import { RowKernel } from './row-kernel.ts'

const textColumn: ResultColumn = { name: 'c', tableOid: 1, attnum: 1, typeOid: 25, typmod: -1, format: 'text' }
const cards = automatonFor(CANDIDATES['credit-card'], { hasEdges: true })!

/** Shows the bytes backwards; an empty cell as NULL; keeps one that begins with k. */
const backwards: ColumnAction & { readonly kind: 'write' } = {
  kind: 'write',
  mayChange: null,
  write: (source, start, end, target) => {
    if (start === end) return 'null'
    if (source[start] === 0x6b) return 'kept'
    const shown = Uint8Array.from(source.subarray(start, end)).reverse()
    target.append(shown, 0, shown.length)
    return 'written'
  },
  swift: null,
}
const partialOf = fc
  .record({
    first: fc.nat(5),
    last: fc.nat(5),
    fill: fc.constantFrom('*', '', 'é'),
    typmod: fc.constantFrom(-1, 7, 24),
    typeOid: fc.constantFrom(25, 1043, 1042, 19),
  })
  .map(
    ({ typmod, typeOid, ...mask }): ColumnAction =>
      columnActions([{ ...textColumn, typeOid, typmod }], {
        masks: [{ kind: 'index', index: 0, mask: { kind: 'partial', ...mask } }],
        detect: [],
        unknownOrigin: 'keep',
        hashKey,
      })[0]!,
  )
const action: fc.Arbitrary<ColumnAction> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<ColumnAction>({ kind: 'keep' }) },
  fc.constant<ColumnAction>({ kind: 'fixed', bytes: null }),
  fc.uint8Array({ maxLength: 40 }).map((bytes): ColumnAction => ({ kind: 'fixed', bytes })),
  fc.constant(backwards),
  fc.constant<ColumnAction>({
    ...backwards,
    mayChange: (source, start, end) => (end - start) % 2 === 1 && source[start] !== 0x61,
  }),
  fc.constant<ColumnAction>({
    ...backwards,
    mayChange: (source, start, end) => runOnBytes(cards, source, start, end),
    swift: { kind: 'scan', automaton: cards },
  }),
  partialOf,
)
const cell = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ maxLength: 40 }).map(text => Buffer.from(text)),
  fc.string({ unit: 'grapheme', maxLength: 20 }).map(text => Buffer.from(text)),
  fc.nat(600).map(length => Buffer.alloc(length, 'keep ')),
  fc.constantFrom('4111111111111111', ' 4111-1111-1111-1111', '411111111111', 'a\0b').map(text => Buffer.from(text)),
)
const result = fc.array(action, { maxLength: 7 }).chain(actions =>
  fc.record({
    actions: fc.constant(actions),
    rows: fc.array(fc.tuple(...actions.map(() => cell)), { maxLength: 6 }),
  }),
)
const mutation = fc.record({
  at: fc.nat(),
  byte: fc.oneof(fc.constantFrom(0, 1, 4, 7, 0x7f, 0x80, 0xff), fc.nat(255)),
})

function hashKey(): Uint8Array {
  return Buffer.alloc(32, 7)
}

/** What comes of the bytes: what is shown, or what is wrong with them. */
type Outcome = { readonly shown: string } | { readonly error: string }

function outcome(mask: () => Uint8Array): Outcome {
  try {
    return { shown: Buffer.from(mask()).toString('hex') }
  } catch (error) {
    if (error instanceof MaskingError) return { error: error.message }
    throw error
  }
}

const plainly = (actions: readonly ColumnAction[], source: Uint8Array, start: number, end: number): Outcome =>
  outcome(() => {
    const target = new OutputBuffer({ bytesInitial: 1, bytesMax: 1 << 24 })
    dataRowMasker(actions).mask(source, start, end, target)
    return target.bytes.subarray(0, target.length)
  })

const kernel = new RowKernel()
const byKernel = (actions: readonly ColumnAction[], source: Uint8Array, start: number, end: number): Outcome =>
  outcome(() => {
    const shown = kernel.masker(actions).mask(source, start, end)
    return shown === source ? source.subarray(start, end) : shown
  })

test('the kernel shows what the plain code shows', () => {
  fc.assert(
    fc.property(result, fc.nat(20), ({ actions, rows }, offset) => {
      const source = Buffer.concat([Buffer.alloc(offset, 0x44), ...rows.map(encodeRow), Buffer.alloc(offset, 0xff)])
      const before = Buffer.from(source)
      const end = source.length - offset
      expect(byKernel(actions, source, offset, end)).toEqual(plainly(actions, source, offset, end))
      expect(source.equals(before)).toBe(true)
    }),
    { numRuns: 5000 },
  )
})

test('results that take turns with one kernel show nothing of each other (E2)', () => {
  const bend = fc.option(mutation)
  const turn = fc.record({ of: fc.nat(3), row: fc.nat(5), bend })
  fc.assert(
    fc.property(
      fc.array(result, { minLength: 2, maxLength: 4 }),
      fc.array(turn, { maxLength: 12 }),
      (results, turns) => {
        const maskers = results.map(({ actions }) => kernel.masker(actions))
        for (const { of, row, bend } of turns) {
          const which = of % results.length
          const { actions, rows } = results[which]!
          const source = Buffer.concat(rows.slice(row % (rows.length + 1)).map(encodeRow))
          if (bend !== null && source.length > 0) source[bend.at % source.length] = bend.byte
          const shown = outcome(() => maskers[which]!.mask(source, 0, source.length))
          expect(shown).toEqual(plainly(actions, source, 0, source.length))
        }
      },
    ),
    { numRuns: 1500 },
  )
})

test('the kernel refuses what the plain code refuses, for the same reason (E3, E11)', () => {
  fc.assert(
    fc.property(
      result,
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fc.nat(3),
      ({ actions, rows }, bends, cut) => {
        const whole = Buffer.concat(rows.map(encodeRow))
        fc.pre(whole.length > cut)
        const source = whole.subarray(0, whole.length - cut)
        for (const { at, byte } of bends) source[at % source.length] = byte
        expect(byKernel(actions, source, 0, source.length)).toEqual(plainly(actions, source, 0, source.length))
      },
    ),
    { numRuns: 10_000 },
  )
})

test('every mask of every type shows by the kernel what it shows by the plain code', () => {
  const types = fc.record({
    typeOid: fc.constantFrom(25, 1043, 1042, 19, 23, 114, 1082, 1184, 2950, 17, 1009, 90_001),
    typmod: fc.constantFrom(-1, 10, 44),
    format: fc.constantFrom('text' as const, 'binary' as const),
  })
  const masked = fc.array(fc.tuple(types, fc.constantFrom(...MASK_CASES)), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(
      masked.chain(list =>
        fc.tuple(fc.constant(list), fc.array(fc.tuple(...list.map(() => cell)), { minLength: 1, maxLength: 3 })),
      ),
      ([list, rows]) => {
        const actions = columnActions(
          list.map(([type]) => ({ ...textColumn, ...type })),
          {
            masks: list.map(([, mask], index) => ({ kind: 'index', index, mask })),
            detect: [{ detector: 'credit-card', mask: { kind: 'redact' } }],
            unknownOrigin: 'keep',
            hashKey,
          },
        )
        const source = Buffer.concat(rows.map(encodeRow))
        expect(byKernel(actions, source, 0, source.length)).toEqual(plainly(actions, source, 0, source.length))
      },
    ),
    { numRuns: 2000 },
  )
})

test('random bytes are refused alike (E2, E11)', () => {
  const actions: ColumnAction[] = [{ kind: 'fixed', bytes: Buffer.from('x') }, { kind: 'keep' }]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      const source = Buffer.concat([Buffer.from('D\0\0\0'), bytes])
      expect(byKernel(actions, source, 0, source.length)).toEqual(plainly(actions, source, 0, source.length))
    }),
    { numRuns: 3000 },
  )
})
