import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Catalog, Facts, MaskSql } from '@querywarden/policy-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS, type ParseLimits } from '../src/postgres/limits.ts'
import { postgresRewriter } from '../src/postgres/rewrite/postgres-rewriter.ts'
import { type GuardedClassifier, guardedClassifier } from '../src/postgres/threads/guarded-classifier.ts'
import type { ThreadLimits } from '../src/postgres/threads/thread-pool.ts'
import { masksOf } from './rewriting.ts'
import { smallCatalog } from './small-catalog.ts'

const catalog = smallCatalog()
const ask = (text: string) => ({ dialect: 'postgres', text, params: [] }) as const
const list = (count: number, from = 'orders'): string =>
  `select id from ${from} where id in (${Array(count).fill('1').join(',')})`
const HEAVIEST = list(49_000)
/** What no caps stop: they are for the texts that break parsers, and here those are wanted. */
const NO_CAPS: ParseLimits = {
  ...DEFAULT_LIMITS,
  bytesMax: 8_388_608,
  tokensMax: 1e7,
  nestingMax: 1e6,
  chainMax: 1e6,
  depthMax: 1e6,
  blockCommentsMax: 1e6,
}

let prompt: PostgresClassifier
beforeAll(async () => {
  prompt = await postgresClassifier({ majors: [17], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const opened: GuardedClassifier[] = []
async function open(threads: Partial<ThreadLimits> = {}, limits = DEFAULT_LIMITS): Promise<GuardedClassifier> {
  const some = { readMsMax: 500, threadsMax: 2, heapMbMax: 256, waitingPerThreadMax: 8, ...threads }
  const guarded = await guardedClassifier({ majors: [17], cacheEntriesMax: 100, limits, threads: some })
  opened.push(guarded)
  return guarded
}
afterEach(async () => {
  for (const guarded of opened.splice(0)) await guarded.close()
})

const codeOf = (facts: Facts): string => (facts.kind === 'opaque' ? facts.code : facts.kind)

describe('long texts are read in a thread', () => {
  test('with the answers that they would get in place', async () => {
    const guarded = await open()
    const texts = [
      list(2_000),
      `${list(2_000)}; ${list(10)}`,
      `select (${list(3_000)}`,
      `fetch 5 from c -- ${'x'.repeat(20_000)}`,
    ]
    for (const text of texts) {
      expect(guarded.split(text, 17)).toBeInstanceOf(Promise)
      expect(await guarded.split(text, 17)).toEqual(prompt.split(text, 17))
      expect(await guarded.classify(ask(text), catalog)).toEqual(prompt.classify(ask(text), catalog))
    }
  })

  test('light ones are not, and are answered at once', async () => {
    const guarded = await open()
    const text = 'select id from orders where id = 1'
    expect(guarded.split(text, 17)).toEqual(prompt.split(text, 17))
    expect(guarded.classify(ask(text), catalog)).toEqual(prompt.classify(ask(text), catalog))
  })

  test('once: facts of a text that is not too long are remembered', async () => {
    const guarded = await open()
    const text = list(1_500)
    const facts = await guarded.classify(ask(text), catalog)
    expect(guarded.classify(ask(text), catalog)).toBe(facts)
  })

  test('with masks put in as they would be in place', async () => {
    const guarded = await open()
    const rewrite = postgresRewriter({ grammar: prompt.grammar, limits: DEFAULT_LIMITS })
    const maskSql: MaskSql = (_, column, reference) => `'${column.name}' || left(${reference}, 0)`
    for (const text of [
      list(2_000, 'customers'),
      `select 1 from ${Array(110)
        .fill('customers')
        .map((name, at) => `${name} c${at}`)
        .join(', ')}`,
    ]) {
      const facts = prompt.classify(ask(text), catalog)
      if (facts.kind === 'opaque') throw new Error(facts.message)
      const masks = masksOf(facts.uses, (_, { name }) => name === 'ssn' || name === 'email')
      const rewriting = guarded.rewrite(ask(text), facts, masks, maskSql, catalog)
      expect(rewriting).toBeInstanceOf(Promise)
      const expected = rewrite(ask(text), facts, masks, maskSql, catalog)
      expect(expected.kind).toBe('rewritten')
      expect(await rewriting).toEqual(expected)
    }
  })

  test('against the catalog of each, however many there are', async () => {
    const guarded = await open({ threadsMax: 1 })
    const catalogs = Array.from(
      { length: 6 },
      (_, at): Catalog => smallCatalog({ fingerprint: `c${at}`, searchPath: at % 2 === 0 ? ['public'] : ['crm'] }),
    )
    for (const one of [...catalogs, ...catalogs]) {
      const facts = await guarded.classify(ask(`${list(9_000)} `), one)
      expect(facts).toEqual(prompt.classify(ask(`${list(9_000)} `), one))
    }
  })
})

describe('T5: texts that take too long', () => {
  test('are refused with what to do, and their thread is replaced', async () => {
    const guarded = await open({ readMsMax: 1, threadsMax: 1 })
    const facts = await guarded.classify(ask(HEAVIEST), catalog)
    expect(facts).toMatchObject({
      kind: 'opaque',
      code: 'TOO_SLOW',
      message: expect.stringContaining('send it in parts'),
    })
    expect(guarded.replaced()).toBe(1)
    const again = await open({ threadsMax: 1 })
    expect(codeOf(await again.classify(ask(list(2_000)), catalog))).toBe('understood')
  })

  test('are told of again without being read again', async () => {
    const guarded = await open({ readMsMax: 1, threadsMax: 1 })
    expect(await guarded.split(HEAVIEST, 17)).toMatchObject({ code: 'TOO_SLOW' })
    expect(guarded.classify(ask(HEAVIEST), catalog)).toMatchObject({ code: 'TOO_SLOW' })
    expect(guarded.replaced()).toBe(1)
  })

  test('hold nobody up: this process goes on meanwhile', async () => {
    const guarded = await open()
    await guarded.classify(ask(list(2_000)), catalog)
    const startedMs = performance.now()
    prompt.classify(ask(HEAVIEST), catalog)
    const inPlaceMs = performance.now() - startedMs
    let stops = 0
    let isOver = false
    const watching = (async () => {
      for (let lastMs = performance.now(); !isOver; ) {
        await nextTurn()
        if (performance.now() - lastMs > inPlaceMs / 2) stops += 1
        lastMs = performance.now()
      }
    })()
    for (let round = 0; round < 6; round++) await guarded.classify(ask(`${HEAVIEST} and ${round} = 1`), catalog)
    isOver = true
    await watching
    // In place it would be six; a machine that is busy with other things may stop it once or twice by itself.
    expect(stops).toBeLessThan(3)
  })

  test('of one asker leave others their turn', async () => {
    const guarded = await open({ threadsMax: 1 })
    const [flood, control] = [{}, {}]
    const order: string[] = []
    const note = (who: string) => (facts: Facts) => order.push(`${who} ${codeOf(facts)}`)
    const reading = Array.from({ length: 6 }, (_, at) =>
      Promise.resolve(guarded.classify(ask(`${HEAVIEST} and ${at} = 1`), catalog, flood)).then(note('flood')),
    )
    reading.push(Promise.resolve(guarded.classify(ask(list(2_000)), catalog, control)).then(note('control')))
    await Promise.all(reading)
    expect(order.indexOf('control understood')).toBeLessThanOrEqual(1)
  })

  test('wait in bounded numbers', async () => {
    const guarded = await open({ threadsMax: 1, waitingPerThreadMax: 4 })
    const asked = Array.from({ length: 12 }, (_, at) => guarded.classify(ask(`${list(9_000)} and ${at} = 1`), catalog))
    const codes = (await Promise.all(asked)).map(codeOf)
    expect(codes.filter(code => code === 'BUSY').length).toBe(7)
    expect(codes.filter(code => code === 'understood').length).toBe(5)
  })

  test('are not waited for once it is closed', async () => {
    const guarded = await open({ threadsMax: 1 })
    const asked = [0, 1, 2].map(at => guarded.classify(ask(`${HEAVIEST} and ${at} = 1`), catalog))
    await nextTurn()
    await guarded.close()
    expect((await Promise.all(asked)).map(codeOf)).toEqual(['PARSER_FAILED', 'PARSER_FAILED', 'PARSER_FAILED'])
    expect(codeOf(await guarded.classify(ask(HEAVIEST), catalog))).toBe('PARSER_FAILED')
  })
})

describe('T5: texts that break parsers', () => {
  const BOMBS = [
    `select ${'1+'.repeat(8_000)}1`,
    `select 1${'::int'.repeat(8_000)}`,
    `select ${'('.repeat(40_000)}1${')'.repeat(40_000)}`,
    `select 1 from t${' join t using (id)'.repeat(6_000)}`,
    `select 1${' union select 1'.repeat(6_000)}`,
    `select 1 ${'/**/'.repeat(10_000)}`,
    `select 1 ${'/*'.repeat(10_000)}${'*/'.repeat(10_000)}`,
  ]

  test('forty of them leave the next text unharmed, even without any cap', async () => {
    const guarded = await open({ readMsMax: 50 }, NO_CAPS)
    for (let round = 0; round < 40; round++) {
      const facts = await guarded.classify(ask(`${BOMBS[round % BOMBS.length]} -- ${round}`), catalog)
      expect(['TOO_SLOW', 'PARSER_FAILED', 'TOO_COMPLEX', 'SYNTAX', 'understood']).toContain(codeOf(facts))
    }
    expect(guarded.replaced()).toBeGreaterThan(0)
    await expect
      .poll(async () => codeOf(await guarded.classify(ask(list(600)), catalog)), { timeout: 20_000 })
      .toBe('understood')
  }, 120_000)

  test('one that needs more memory than a thread may have is refused, and the thread replaced', async () => {
    const guarded = await open({ heapMbMax: 24, threadsMax: 1 }, NO_CAPS)
    expect(codeOf(await guarded.classify(ask(list(400_000)), catalog))).toMatch(/^(PARSER_FAILED|TOO_SLOW)$/)
    expect(guarded.replaced()).toBe(1)
    expect(codeOf(await guarded.classify(ask(list(1_200)), catalog))).toBe('understood')
  })

  test('a thousand of them leave memory as it was', async () => {
    const guarded = await open({ readMsMax: 30, waitingPerThreadMax: 16 })
    const bombs = [
      ...Array<string>(8).fill(`select ${'1+'.repeat(2_000)}1`),
      ...Array<string>(8).fill(`select (${list(1_100)}`),
      ...Array<string>(8).fill(`select ${'('.repeat(9_000)}`),
    ]
    const throwAll = async (rounds: number): Promise<number> => {
      for (let round = 0; round < rounds; round++) {
        if (round % 6 === 5) await guarded.classify(ask(`${HEAVIEST} -- ${round}`), catalog)
        await Promise.all(bombs.map((bomb, at) => guarded.classify(ask(`${bomb} -- ${round} ${at}`), catalog)))
      }
      return process.memoryUsage().rss
    }
    const before = await throwAll(12)
    const after = await throwAll(30)
    expect(after - before).toBeLessThan(before / 4)
    expect(guarded.replaced()).toBeGreaterThan(3)
  }, 120_000)
})

test('limits that protect nobody are refused', async () => {
  await expect(open({ readMsMax: 501 })).rejects.toMatchObject({ code: 'INVALID_LIMIT' })
  await expect(open({ threadsMax: 0 })).rejects.toMatchObject({ code: 'INVALID_LIMIT' })
})
