import { DETECTORS, type ResultColumn } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { encodeRow } from '../../test/encode-row.ts'
import type { ColumnAction } from '../data-row/column-action.ts'
import { columnActions } from '../data-row/column-actions.ts'
import { masking } from '../masking.ts'
import { RowKernel } from './row-kernel.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const column: ResultColumn = { name: 'c', tableOid: 1, attnum: 1, typeOid: 25, typmod: -1, format: 'text' }
const REDACT: ColumnAction = { kind: 'fixed', bytes: Buffer.from('[redacted]') }

describe('what is too much for the memory is masked all the same', () => {
  test.each([
    ['rows beyond what is taken in', 3_000_000, 'x'],
    ['rows that grow beyond what can be given out', 200_000, ''],
  ])('%s', (_, rows, value) => {
    const actions: ColumnAction[] = [REDACT, { kind: 'keep' }]
    const source = Buffer.concat(Array(Math.ceil(rows / 10)).fill(encodeRow([value, '1'])))
    const shown = new RowKernel().masker(actions).mask(source, 0, source.length)
    expect(
      Buffer.from(shown).equals(Buffer.concat(Array(Math.ceil(rows / 10)).fill(encodeRow(['[redacted]', '1'])))),
    ).toBe(true)
  })

  test('a value that the host makes much larger', () => {
    const write: ColumnAction = {
      kind: 'write',
      mayChange: null,
      write: (_, __, ___, target) => {
        target.append(Buffer.alloc(3_000_000, 'x'), 0, 3_000_000)
        return 'written'
      },
      swift: null,
    }
    const source = Buffer.concat([encodeRow(['a']), encodeRow(['b'])])
    const large = encodeRow(['x'.repeat(3_000_000)])
    expect(
      Buffer.from(new RowKernel().masker([write]).mask(source, 0, source.length)).equals(Buffer.concat([large, large])),
    ).toBe(true)
  })

  test('more columns and bytes of plan than are kept of the memory', () => {
    const actions = Array.from({ length: 20_000 }, (): ColumnAction => REDACT)
    const source = encodeRow(actions.map(() => null))
    const shown = new RowKernel().masker(actions).mask(source, 0, source.length)
    expect(Buffer.from(shown).equals(encodeRow(actions.map(() => '[redacted]')))).toBe(true)
  })
})

test('maskers of one kernel take turns without getting in one another’s way', () => {
  const kernel = new RowKernel()
  const first = kernel.masker([REDACT, { kind: 'keep' }])
  const second = kernel.masker([{ kind: 'fixed', bytes: null }])
  const source = encodeRow(['a', 'b'])
  const other = encodeRow(['a'])
  for (let turn = 0; turn < 3; turn++) {
    expect(Buffer.from(first.mask(source, 0, source.length))).toEqual(encodeRow(['[redacted]', 'b']))
    expect(Buffer.from(second.mask(other, 0, other.length))).toEqual(encodeRow([null]))
  }
})

test('frames of one session are not changed by what another one masks (P13)', () => {
  const { frames } = masking({ hashKey })
  const plan = { detect: [{ detector: 'email', mask: { kind: 'redact' } }] } as const
  const mine = frames!(plan, [column])!
  const theirs = frames!(plan, [column])!
  const source = encodeRow(['a@example.com, mine'])
  const shown = mine(source, 0, source.length)
  theirs(encodeRow(['b@example.com, theirs']), 0, encodeRow(['b@example.com, theirs']).length)
  expect(Buffer.from(shown)).toEqual(encodeRow(['[redacted], mine']))
  // Nor does what is given out lie in the memory that raw rows are in.
  expect(Buffer.from(shown.buffer).includes('a@example.com')).toBe(false)
})

test('a row that is none shows nothing of it, and the next is masked as ever (E11)', () => {
  const masker = new RowKernel().masker([REDACT])
  const bad = Buffer.concat([encodeRow(['secret']), Buffer.from('D\0\0\0\u0006\0\u0002')])
  expect(() => masker.mask(bad, 0, bad.length)).toThrow('malformed row: unexpected column count')
  expect(Buffer.from(masker.mask(encodeRow(['x']), 0, encodeRow(['x']).length))).toEqual(encodeRow(['[redacted]']))
})

describe('nothing is allocated for a row', () => {
  /** 400 rows a chunk; a byte a row would show, since what a chunk costs is the same however many rows it has. */
  const ROWS = 400
  const cells = (row: number): string[] => [`${row}`, 'Quentin Ashford', '512-84-7731', '2024-03-04 12:34:56+00']
  const chunk = Buffer.concat(Array.from({ length: ROWS }, (_, row) => encodeRow(cells(row))))

  const grownPerRow = (run: () => void): number => {
    for (let warm = 0; warm < 200; warm++) run()
    const before = process.memoryUsage()
    const chunks = 1_000_000 / ROWS
    let collected = 0
    let last = before.heapUsed
    for (let turn = 0; turn < chunks; turn++) {
      run()
      const { heapUsed } = process.memoryUsage()
      // Where the heap shrank, it was collected; what it had grown by until then counts.
      if (heapUsed > last) collected += heapUsed - last
      last = heapUsed
    }
    return collected / 1_000_000
  }
  /** What a chunk may cost: the objects of this test and the call, with room for what the engine does of its own. */
  const BYTES_PER_ROW_MAX = 8

  test('that is masked', () => {
    const masker = new RowKernel().masker([{ kind: 'keep' }, REDACT, { kind: 'fixed', bytes: null }, { kind: 'keep' }])
    expect(grownPerRow(() => masker.mask(chunk, 0, chunk.length))).toBeLessThan(BYTES_PER_ROW_MAX)
  })

  test('that all detectors look into and find nothing in', () => {
    const plain = Buffer.concat(
      Array.from({ length: ROWS }, (_, row) => encodeRow([`${row}`, 'Quentin', 'open', '1.5'])),
    )
    const masker = new RowKernel().masker(
      columnActions([column, column, column, column], {
        masks: [],
        detect: DETECTORS.map(detector => ({ detector, mask: { kind: 'redact' } })),
        unknownOrigin: 'keep',
        hashKey,
      }),
    )
    expect(masker.mask(plain, 0, plain.length)).toBe(plain)
    expect(grownPerRow(() => masker.mask(plain, 0, plain.length))).toBeLessThan(BYTES_PER_ROW_MAX)
  })
})
