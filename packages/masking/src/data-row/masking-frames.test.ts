import type { DetectedMask, ResultColumn } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { MaskingError } from '../errors.ts'
import { maskingFrames } from './masking-frames.ts'

const DETECT: readonly DetectedMask[] = [{ detector: 'credit-card', mask: { kind: 'redact' } }]
const CARD = '4111111111111111'
const column = (typeOid: number): ResultColumn => ({
  name: 'c',
  tableOid: 0,
  attnum: 0,
  typeOid,
  typmod: -1,
  format: 'text',
})
const frames = (...types: number[]) => maskingFrames(() => Buffer.alloc(32, 7))({ detect: DETECT }, types.map(column))

function row(...cells: (string | null)[]): Buffer {
  const parts = cells.map(cell => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(cell === null ? -1 : Buffer.byteLength(cell))
    return Buffer.concat([length, Buffer.from(cell ?? '')])
  })
  const head = Buffer.alloc(7)
  head.write('D')
  head.writeInt16BE(cells.length, 5)
  const whole = Buffer.concat([head, ...parts])
  whole.writeInt32BE(whole.length - 1, 1)
  return whole
}

describe('finds are replaced in whole frames', () => {
  test('and lengths are those of what is shown', () => {
    const source = Buffer.concat([row('1', `a ${CARD} b`), row('2', null), row('3', CARD)])
    expect(Buffer.from(frames(23, 25)!(source, 0, source.length))).toEqual(
      Buffer.concat([row('1', 'a [redacted] b'), row('2', null), row('3', '[redacted]')]),
    )
  })

  test('of the range given, and no other', () => {
    const source = Buffer.concat([row(CARD), row(`${CARD} 2`), row(CARD)])
    const { length } = row(CARD)
    expect(Buffer.from(frames(25)!(source, length, source.length - length))).toEqual(row('[redacted] 2'))
  })

  test('and the bytes that came are given back where nothing is found', () => {
    const source = Buffer.concat([row('1', 'nothing'), row('2', null)])
    expect(frames(23, 25)!(source, 0, source.length)).toBe(source)
    expect(source).toEqual(Buffer.concat([row('1', 'nothing'), row('2', null)]))
  })

  test('a find in a row far larger than what usually comes is replaced, and the next small one too', () => {
    const long = 'x '.repeat(3_000_000)
    const mask = frames(25)!
    const source = row(long + CARD)
    expect(Buffer.from(mask(source, 0, source.length)).equals(row(`${long}[redacted]`))).toBe(true)
    expect(Buffer.from(mask(row(CARD), 0, row(CARD).length))).toEqual(row('[redacted]'))
  })
})

test('there is nothing to do where no column holds text', () => {
  expect(frames(23, 1082)).toBeNull()
  expect(frames()).toBeNull()
})

test('a result with other columns than it was described with is refused whole (E11)', () => {
  const mask = frames(25, 25)!
  for (const bad of [row(CARD), row(CARD, 'x', 'y'), row(CARD, 'x').subarray(0, -1)]) {
    const source = Buffer.concat([row(CARD, 'x'), bad])
    expect(() => mask(source, 0, source.length)).toThrow(MaskingError)
  }
})
