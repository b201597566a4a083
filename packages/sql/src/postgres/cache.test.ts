import { expect, test } from 'vitest'
import { boundedCache } from './cache.ts'

test('what was used longest ago goes first', () => {
  const cache = boundedCache<number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.get('a')
  cache.set('c', 3)
  expect(['a', 'b', 'c'].map(cache.get)).toEqual([1, undefined, 3])
})

test('with room for none it keeps none', () => {
  const cache = boundedCache<number>(0)
  cache.set('a', 1)
  expect(cache.get('a')).toBeUndefined()
})
