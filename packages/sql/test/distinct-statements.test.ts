import { expect, test } from 'vitest'
import { postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { smallCatalog } from './small-catalog.ts'

// Ten million of them: DISTINCT=10000000 node --expose-gc bench/classify.mjs
test('distinct statements, however many, leave memory as it was', async () => {
  const { classify, split } = await postgresClassifier({ majors: [17], cacheEntriesMax: 500, limits: DEFAULT_LIMITS })
  const catalog = smallCatalog()
  let serial = 0
  const read = (count: number): number => {
    for (let at = 0; at < count; at++) {
      const text = `select id as n${++serial}, total from orders where id = ${serial} and note = 'v${serial}'`
      split(text, 17)
      classify({ dialect: 'postgres', text, params: [] }, catalog)
    }
    return process.memoryUsage().rss
  }
  const before = read(4_000)
  const after = read(12_000)
  expect(after - before).toBeLessThan(before / 4)
}, 120_000)
