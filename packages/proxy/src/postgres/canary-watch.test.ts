import { canaryScanner } from '@querywarden/masking'
import {
  encodeCommandComplete,
  encodeCopyData,
  encodeCopyOutResponse,
  encodeDataRow,
  encodeErrorResponse,
  encodeNoticeResponse,
  encodeParameterStatus,
} from '@querywarden/wire/postgres'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CanaryWatch } from './canary-watch.ts'

const VALUE = 'zebra-4417-quartz'
const scanner = canaryScanner([{ name: 'planted', value: VALUE }])
const row = (...values: readonly string[]): Uint8Array =>
  encodeDataRow({ values: values.map(value => Buffer.from(value)) })
const clean = (watch: CanaryWatch, ...pieces: readonly Uint8Array[]): Buffer => {
  const seen = watch.look(pieces)
  if (seen.kind === 'canary') throw new Error('there is none')
  return Buffer.concat(seen.pieces)
}

describe('P10: canaries in every kind of message', () => {
  test.each<[string, Uint8Array]>([
    ['DataRow', row('1', `a ${VALUE}`)],
    ['DataRow, bytea in text', row(`\\x${Buffer.from(VALUE).toString('hex')}`)],
    ['CopyData', encodeCopyData({ data: Buffer.from(`1\t${VALUE}\n`) })],
    [
      'ErrorResponse',
      encodeErrorResponse({
        fields: new Map([
          ['M', 'm'],
          ['n', VALUE],
        ]),
      }),
    ],
    ['NoticeResponse', encodeNoticeResponse({ fields: new Map([['D', VALUE]]) })],
    ['ParameterStatus', encodeParameterStatus({ name: 'TimeZone', value: VALUE })],
    ['CommandComplete', encodeCommandComplete({ tag: VALUE })],
  ])('%s', (_kind, message) => {
    const watch = new CanaryWatch(scanner)
    expect(clean(watch, row('1')).equals(row('1'))).toBe(true)
    expect(watch.look([row('1'), message])).toEqual({ kind: 'canary', name: 'planted', isMidMessage: false })
  })

  test('what goes on from one CopyData to the next', () => {
    const watch = new CanaryWatch(scanner)
    clean(watch, encodeCopyOutResponse({ format: 'text', columnFormats: ['text'] }))
    const [first, second] = [VALUE.slice(0, 7), VALUE.slice(7)].map(part => encodeCopyData({ data: Buffer.from(part) }))
    clean(watch, first ?? new Uint8Array())
    expect(watch.look([second ?? new Uint8Array()])).toMatchObject({ kind: 'canary' })
  })

  test('two values of a row make none', () => {
    clean(new CanaryWatch(scanner), row(VALUE.slice(0, 7), VALUE.slice(7)), row(VALUE.slice(0, 7)), row(VALUE.slice(7)))
  })
})

test('F27: a row that goes out in parts gives nothing of a canary away, and all else to its last byte', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200 }),
      fc.string({ maxLength: 200 }),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
      (before, after, isPlanted, cuts) => {
        const all = Buffer.concat([row('ahead'), row(`${before}${isPlanted ? VALUE : ''}${after}`), row('behind')])
        const watch = new CanaryWatch(scanner)
        const sent: Uint8Array[] = []
        let isCaught = false
        // Headers come whole.
        let at = Math.max(row('ahead').length + 5, cuts[0] ?? 1)
        let from = 0
        for (let i = 1; from < all.length - row('behind').length && !isCaught; i++) {
          at = Math.min(at, all.length - row('behind').length)
          const seen = watch.look([all.subarray(from, at)])
          if (seen.kind === 'canary') isCaught = true
          else sent.push(...seen.pieces)
          from = at
          at += cuts[i % cuts.length] ?? 1
        }
        if (!isCaught) sent.push(clean(watch, row('behind')))
        expect(isCaught).toBe(isPlanted)
        if (isPlanted)
          expect(Buffer.concat(sent).toString('latin1')).not.toContain(VALUE.slice(0, 1) + VALUE.slice(1, 3))
        else expect(Buffer.concat(sent)).toEqual(all)
      },
    ),
    { numRuns: 300 },
  )
})
