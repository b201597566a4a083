import { DETECTORS, type Detector } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CANDIDATES } from './candidates.ts'
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
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.',
    'AKIAIOSFODNN7EXAMPLE',
    'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    `AIza${'a1B-_'.repeat(7)}`,
    `ghp_${'aB3'.repeat(12)}`,
    `github_pat_${'a'.repeat(22)}_${'B3'.repeat(30)}`,
    'xoxb-123456789012-abcdefABCDEF',
    'https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXXXXXX',
    `sk-proj-${'a1B-_'.repeat(7)}`,
    '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----',
    '-----BEGIN EC PRIVATE KEY-----',
    '192.0.2.17',
    '2001:db8::8a2e:370:7334',
    '::ffff:192.0.2.1',
    'secret',
    'eyJ',
    ':',
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

const listed = fc.constantFrom(
  ...[...DETECTORS.map(detector => [detector]), DETECTORS].map(detectors => ({
    detectors: new Set<Detector>(detectors),
    candidates: detectors.flatMap(detector => CANDIDATES[detector]),
  })),
)

test('the first pass never says no to a text with a find in it, as text or as bytes', () => {
  fc.assert(
    fc.property(messy, listed, fc.boolean(), (text, { detectors, candidates }, hasEdges) => {
      fc.pre(findSpans(detectors)(text).length > 0)
      const mayFind = prefilter(candidates, { escapeSign: null, hasEdges })
      const bytes = Buffer.from(`##${text}##`)
      expect(mayFind.text(text)).toBe(true)
      expect(mayFind.bytes(bytes, 2, bytes.length - 2)).toBe(true)
    }),
    { numRuns: 5000 },
  )
})

/** Texts made to send a scanner back over what it has read. */
const HOSTILE = [
  'eyJ',
  'eyJ.',
  'eyJ-',
  'secret ',
  'sk-',
  'xoxb-1',
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B ',
  '-',
  ':',
  'a:',
  '1:',
  '1.',
  '1.1.1.',
  'AKIA',
  'ghp_',
  'version ',
  'a@',
  'a.',
  '@',
  '4111 ',
  '1 ',
  '+1 ',
  '+1',
  '123-45-',
  'DE89',
  '(212) ',
  'a@b.',
  '"\\',
  '0',
]

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
    startsWith: (start: string, at: number): boolean => {
      reads += start.length
      return text.startsWith(start, at)
    },
    indexOf: (sought: string, from: number): number => {
      const at = text.indexOf(sought, from)
      reads += (at < 0 ? text.length : at) - from
      return at
    },
    slice: (start: number, end: number): string => text.slice(start, end),
    toString: (): string => text,
  }
  return { text: counting as unknown as string, reads: () => reads }
}
