import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canaryForms } from './canary-forms.ts'
import { canaryScanner } from './canary-scanner.ts'
import { patternSearch } from './pattern-search.ts'

const value = fc.string({ unit: 'grapheme', minLength: 6, maxLength: 40 }).filter(text => !text.includes('\0'))

test('a canary is found in any of its forms, between any bytes, however they are cut', () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.nat(),
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      (values, which, form, before, after, cuts) => {
        const scanner = canaryScanner(values.map((one, i) => ({ name: String(i), value: one })))
        const forms = canaryForms(values[which % values.length] ?? '')
        const hidden = forms[form % forms.length] ?? new Uint8Array()
        const all = Buffer.concat([before, hidden, after])
        expect(scanner.find(all, 0, all.length)).not.toBeNull()
        const stream = scanner.stream()
        let found: string | null = null
        for (let at = 0, i = 0; at < all.length; i++) {
          const end = Math.min(all.length, at + (cuts[i % cuts.length] ?? 1))
          found ??= stream.push(all, at, end)
          at = end
        }
        expect(found).not.toBeNull()
      },
    ),
    { numRuns: 400 },
  )
})

test('the search agrees with one that looks everywhere', () => {
  const few = fc.uint8Array({ min: 0, max: 3, minLength: 2, maxLength: 5 })
  fc.assert(
    fc.property(
      fc.array(few, { minLength: 1, maxLength: 6 }),
      fc.uint8Array({ min: 0, max: 3, maxLength: 60 }),
      (patterns, bytes) => {
        const found = patternSearch(patterns.map(one => ({ name: 'x', bytes: one })))(bytes, 0, bytes.length)
        const stands = patterns.some(one => Buffer.from(bytes).includes(Buffer.from(one)))
        expect(found !== null).toBe(stands)
      },
    ),
    { numRuns: 1_000 },
  )
})
