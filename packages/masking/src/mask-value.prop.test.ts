import type { Cell } from '@querywarden/policy-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MASK_CASES } from '../test/mask-cases.ts'
import { MaskingError } from './errors.ts'
import { maskValue } from './mask-value.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const typeOid = fc.oneof(
  fc.constantFrom(
    16,
    17,
    19,
    20,
    21,
    23,
    25,
    114,
    142,
    700,
    701,
    1042,
    1043,
    1082,
    1083,
    1114,
    1184,
    1700,
    2950,
    3802,
    90_001,
  ),
  fc.nat(100_000),
)
const column = fc.record({
  typeOid,
  typmod: fc.oneof(
    fc.constant(-1),
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ max: 0 }),
    fc.integer({ min: 10_485_765 }),
  ),
  format: fc.constantFrom('text' as const, 'binary' as const),
})
const mask = fc.constantFrom(...MASK_CASES)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 8, maxLength: 8 }),
)
const cell: fc.Arbitrary<Cell> = fc.oneof(bytes, fc.string({ unit: 'binary', maxLength: 60 }), fc.constant(null))

describe('every mask', () => {
  test('is total: no bytes and no type make it throw', () => {
    fc.assert(
      fc.property(mask, column, cell, (each, type, value) => {
        const masked = maskValue(each, type, hashKey)(value)
        expect(masked === null || typeof masked === 'string' || masked instanceof Uint8Array).toBe(true)
      }),
      { numRuns: 10_000 },
    )
  })

  test('leaves its input as it was', () => {
    fc.assert(
      fc.property(mask, column, bytes, (each, type, value) => {
        const before = Buffer.from(value)
        maskValue(each, type, hashKey)(value)
        expect(Buffer.from(value).equals(before)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test('shows no run of a raw text longer than it declares (P6)', () => {
    // Characters that no fill, no fixed text and no hash holds, so that every one in the output is the value's own.
    const secret = fc.array(fc.constantFrom('Ж', 'Д', 'Ю', '🙈', 'Ѧ'), { maxLength: 80 })
    fc.assert(
      fc.property(
        mask,
        fc.constantFrom(25, 1043, 1042, 19),
        fc.constantFrom('text' as const, 'binary' as const),
        fc.constantFrom(-1, 9, 44),
        secret,
        (each, oid, format, typmod, characters) => {
          const masked = maskValue(each, { typeOid: oid, typmod, format }, hashKey)(Buffer.from(characters.join('')))
          const own = Array.from(Buffer.from(masked ?? '').toString('utf8')).filter(character =>
            'ЖДЮ🙈Ѧ'.includes(character),
          )
          const declared = each.kind === 'partial' && each.first >= 0 ? each.first + each.last : 0
          expect(own.length).toBeLessThanOrEqual(declared)
          // Four at least stay hidden, whatever is declared.
          if (own.length > 0) expect(own.length).toBeLessThanOrEqual(characters.length - 4)
        },
      ),
      { numRuns: 5000 },
    )
  })

  test('shows NULL or what it shows for everything, where the bytes are not UTF-8', () => {
    const broken = fc
      .tuple(
        fc.uint8Array({ maxLength: 20 }),
        fc.constantFrom([0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0x80]),
        fc.uint8Array({ maxLength: 20 }),
      )
      .map(([before, middle, after]) =>
        Buffer.concat([
          Buffer.from(before.map(byte => byte & 0x7f)),
          Buffer.from(middle),
          Buffer.from(after.map(byte => byte & 0x7f)),
        ]),
      )
    fc.assert(
      fc.property(
        mask,
        fc.constantFrom(25, 1043, 1042, 19, 2950, 1082),
        fc.constantFrom('text' as const, 'binary' as const),
        broken,
        (each, oid, format, value) => {
          if ((oid === 1082 || oid === 2950) && format === 'binary') return
          const show = maskValue(each, { typeOid: oid, typmod: -1, format }, hashKey)
          const masked = show(value)
          if (masked !== null) expect(masked).toEqual(show(Buffer.from('another')))
        },
      ),
      { numRuns: 5000 },
    )
  })
})

test('the length of what is hidden does not show', () => {
  const show = maskValue(
    { kind: 'partial', first: 1, last: 1, fill: '*' },
    { typeOid: 25, typmod: -1, format: 'text' },
    hashKey,
  )
  fc.assert(
    fc.property(
      fc.string({ minLength: 4, maxLength: 300 }).filter(value => !value.includes('\0')),
      middle => {
        expect(show(`a${middle}z`)).toBe('a****z')
      },
    ),
  )
})

test('equal values have equal hashes, others and other keys have others', () => {
  const column = { typeOid: 25, typmod: -1, format: 'text' } as const
  const show = maskValue({ kind: 'hash', key: null }, column, hashKey)
  const other = maskValue({ kind: 'hash', key: { kind: 'env', name: 'K' } }, column, ref =>
    Buffer.alloc(32, ref === null ? 7 : 8),
  )
  expect(show('a')).toBe(show('a'))
  expect(show('a')).not.toBe(show('b'))
  expect(show('a')).not.toBe(other('a'))
})

test('a key that can be searched for is refused', () => {
  const make = (): unknown =>
    maskValue({ kind: 'hash', key: null }, { typeOid: 25, typmod: -1, format: 'text' }, () => Buffer.alloc(15))
  expect(make).toThrow(MaskingError)
  expect(make).toThrow('hash key of 15 bytes is too short, expected at least 16')
})
