import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { type GuardedClassifier, guardedClassifier } from '../src/postgres/threads/guarded-classifier.ts'
import { smallCatalog } from './small-catalog.ts'

const catalog = smallCatalog()
const ask = (text: string) => ({ dialect: 'postgres', text, params: [] }) as const
const THREADS = { readMsMax: 500, threadsMax: 2, heapMbMax: 256, waitingPerThreadMax: 8 }
const list = (count: number): string => `select id from orders where id in (${Array(count).fill('1').join(',')})`

let guarded: GuardedClassifier
let prompt: PostgresClassifier
beforeAll(async () => {
  guarded = await guardedClassifier({ majors: [17], cacheEntriesMax: 100, limits: DEFAULT_LIMITS, threads: THREADS })
  prompt = await postgresClassifier({ majors: [17], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})
afterAll(() => guarded.close())

describe('T5: long texts are read in a thread', () => {
  test('with the same answers', async () => {
    for (const text of [list(2_000), `${list(2_000)}; ${list(10)}`, `select (${list(3_000)}`, 'select 1']) {
      expect(await guarded.split(text, 17)).toEqual(prompt.split(text, 17))
      expect(await guarded.classify(ask(text), catalog)).toEqual(prompt.classify(ask(text), catalog))
    }
  })
})
