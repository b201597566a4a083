import { DETECTORS, type DetectedMask } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { detectCell } from './detect-cell.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const DETECT: DetectedMask[] = [
  ...DETECTORS.map(
    (detector): DetectedMask => ({
      detector,
      mask:
        detector === 'email'
          ? { kind: 'email' }
          : detector === 'iban'
            ? { kind: 'partial', first: 2, last: 4, fill: '*' }
            : { kind: 'redact' },
    }),
  ),
  { detector: 'badge', pattern: 'B-\\d{3}', mask: { kind: 'redact' } },
]
/** text, varchar(20), char(12), json, jsonb, xml, text[], json[], a type that isn't known. */
const TYPES = [
  [25, -1],
  [1043, 24],
  [1042, 16],
  [114, -1],
  [3802, -1],
  [142, -1],
  [1009, -1],
  [199, -1],
  [90_001, -1],
] as const

const columns = fc.record({
  type: fc.constantFrom(...TYPES),
  format: fc.constantFrom('text' as const, 'binary' as const),
})
const piece = fc.oneof(
  fc.constantFrom(
    '4111111111111111',
    'a@b.co',
    'DE89370400440532013000',
    '123-45-6789',
    '+14155550123',
    'B-123',
    '192.0.2.1',
    '2001:db8::1:8a2e',
    'AKIAIOSFODNN7EXAMPLE',
    'secret',
    '\\u0040',
    '&#64;',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '<a>',
    '</a>',
    ' ',
    '\\',
    '-',
    'é',
  ),
  fc.string({ maxLength: 5 }),
)
const texts = fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join('').replaceAll('\0', ''))

test('T5: no bytes make it throw', () => {
  fc.assert(
    fc.property(
      columns,
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        texts.map(text => Buffer.from(text)),
      ),
      ({ type: [typeOid, typmod], format }, bytes) => {
        const shown = detectCell(DETECT, { typeOid, typmod, format }, hashKey)?.mask(bytes)
        expect(shown === null || shown instanceof Uint8Array).toBe(true)
      },
    ),
    { numRuns: 1_500 },
  )
})

test('what was masked once is the same when it is masked again', () => {
  fc.assert(
    fc.property(columns, texts, ({ type: [typeOid, typmod] }, text) => {
      const mask = detectCell(DETECT, { typeOid, typmod, format: 'text' }, hashKey)?.mask
      const once = mask?.(text) ?? null
      expect(once === null ? null : mask?.(once)).toEqual(once)
    }),
    { numRuns: 1_500 },
  )
})

test('JSON stays JSON of the same shape', () => {
  const shape = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(shape)
      : typeof value === 'object' && value !== null
        ? Object.values(value).map(shape)
        : 'leaf'
  const leaf = fc.oneof(texts, fc.constantFrom(4111111111111111, 12, true, null))
  const values = fc.object({ key: fc.stringMatching(/^[a-z]{1,6}$/), values: [leaf], maxDepth: 2 })
  fc.assert(
    fc.property(values, fc.constantFrom(25, 114), (value, typeOid) => {
      const masked = detectCell(DETECT, { typeOid, typmod: -1, format: 'text' }, hashKey)?.mask(JSON.stringify(value))
      if (typeof masked !== 'string') throw new Error('expected a text')
      expect(shape(JSON.parse(masked))).toEqual(shape(value))
    }),
    { numRuns: 800 },
  )
})
