import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundedCache } from './cache.ts'

test('what was used longest ago goes first', () => {
  const cache = boundedCache<number>(4)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.get('a')
  cache.set('c', 3)
  expect(['a', 'b', 'c'].map(cache.get)).toEqual([1, undefined, 3])
})

test('T5: what weighs much leaves room for little else, however few entries there are', () => {
  const cache = boundedCache<number>(1_000, 100)
  for (let at = 0; at < 40; at++) cache.set(`k${at}`, at, 10)
  const held = Array.from({ length: 40 }, (_, at) => cache.get(`k${at}`)).filter(value => value !== undefined)
  expect(held.length).toBeLessThanOrEqual(12)
  expect(held).toContain(39)
})

test('an entry that is set again weighs once', () => {
  const cache = boundedCache<number>(1_000, 100)
  cache.set('other', 0, 10)
  for (let at = 0; at < 40; at++) cache.set('same', at, 20)
  expect([cache.get('other'), cache.get('same')]).toEqual([0, 39])
})

test('with room for none it keeps none', () => {
  const cache = boundedCache<number>(0)
  cache.set('a', 1)
  expect(cache.get('a')).toBeUndefined()
})

test('it never has more than it may, has the half that was used last, and never an old value', () => {
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const use = fc.tuple(fc.constantFrom(...keys), fc.constantFrom('get', 'set'))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(use, { maxLength: 40 }), (entriesMax, uses) => {
      const cache = boundedCache<number>(entriesMax)
      const latest = new Map<string, number>()
      for (const [at, [key, how]] of uses.entries()) {
        if (how === 'set') {
          cache.set(key, at)
          latest.delete(key)
          latest.set(key, at)
        } else if (cache.get(key) !== undefined) {
          const value = latest.get(key) ?? -1
          latest.delete(key)
          latest.set(key, value)
        }
      }
      const lately = [...latest.keys()].slice(-Math.floor(entriesMax / 2) || latest.size)
      if (entriesMax > 1) for (const key of lately) expect(cache.get(key)).toBe(latest.get(key))
      const held = keys.filter(key => cache.get(key) !== undefined)
      for (const key of held) expect([latest.get(key), undefined]).toContain(cache.get(key))
      expect(held.length).toBeLessThanOrEqual(Math.max(entriesMax, 1))
    }),
    { numRuns: 2_000 },
  )
})
