import { DETECTORS, type Detector } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findSpans } from './find-spans.ts'
import { prefilter } from './prefilter.ts'

const piece = fc.oneof(
  fc.constantFrom(
    '4111111111111111',
    'DE89370400440532013000',
    '123-45-6789',
    'a@b.co',
    '+14155550123',
    '(212) 555-0123',
    ' ',
    '-',
    '.',
    '@',
    '+',
    '(',
    ')',
    '"',
    'é',
    '漢',
  ),
  fc.stringMatching(/^[0-9]{1,6}$/),
  fc.string({ maxLength: 5 }),
)
const messy = fc.array(piece, { maxLength: 20 }).map(pieces => pieces.join(''))
const some = fc.subarray<Detector>([...DETECTORS]).map(list => new Set(list))

test('finds are in order, apart, not empty, and of detectors that were asked for', () => {
  fc.assert(
    fc.property(messy, some, (text, detectors) => {
      let floor = 0
      for (const { start, end, detector } of findSpans(detectors)(text)) {
        expect(start).toBeGreaterThanOrEqual(floor)
        expect(end).toBeGreaterThan(start)
        expect(end).toBeLessThanOrEqual(text.length)
        expect(detectors.has(detector)).toBe(true)
        floor = end
      }
    }),
    { numRuns: 2000 },
  )
})

test('the first pass never says no to a text with a find in it, as text or as bytes', () => {
  fc.assert(
    fc.property(messy, some, (text, detectors) => {
      fc.pre(findSpans(detectors)(text).length > 0)
      const mayFind = prefilter(detectors, null)
      const bytes = Buffer.from(`##${text}##`)
      expect(mayFind.text(text)).toBe(true)
      expect(mayFind.bytes(bytes, 2, bytes.length - 2)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

/** Texts made to send a scanner back over what it has read. */
const HOSTILE = ['a@', 'a.', '@', '4111 ', '1 ', '+1 ', '+1', '123-45-', 'DE89', '(212) ', 'a@b.', '"\\', '0']

test.each(HOSTILE)('each character of a long run of %j is read about as often as of a short one (T5)', text => {
  const find = findSpans(new Set(DETECTORS))
  const units = (length: number): number => {
    const long = counted(text.repeat(Math.ceil(length / text.length)))
    find(long.text)
    return long.reads() / length
  }
  expect(units(100_000)).toBeLessThan(4 * units(1_000) + 10)
})

/** A text that counts how often a character of it is read. */
function counted(text: string): { readonly text: string; readonly reads: () => number } {
  let reads = 0
  const counting = {
    length: text.length,
    charCodeAt: (at: number): number => {
      reads++
      return text.charCodeAt(at)
    },
    charAt: (at: number): string => text.charAt(at),
    slice: (start: number, end: number): string => text.slice(start, end),
    toString: (): string => text,
  }
  return { text: counting as unknown as string, reads: () => reads }
}
