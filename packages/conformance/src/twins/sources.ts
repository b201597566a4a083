import type { Catalog } from '@querywarden/policy-core'
import { statements } from '@querywarden/policy-testing'
import { loadCatalog } from '@querywarden/sql/postgres'
import fc from 'fast-check'
import { Client } from 'pg'
import { generateStatement } from '../differential/generate/statements.ts'
import { readVocabulary, type Vocabulary } from '../differential/generate/vocabulary.ts'
import { mutate } from '../differential/mutate.ts'
import type { Random } from '../differential/random.ts'
import { insideTexts, OUTSIDE_FILES, outsideTexts } from '../differential/sources/texts.ts'
import { aimedScript, stepOf } from './aim-scripts.ts'
import type { TwinScript } from './script.ts'
import { openLink, type TwinWorld } from './twin-world.ts'

/** Where scripts come from. */
export const TWIN_SOURCES = ['aimed', 'grammar', 'generated', 'corpus', 'mutated'] as const
export type TwinSource = (typeof TWIN_SOURCES)[number]
/** Most of what is not aimed at a mask hits none. */
const MOSTLY_AIMED: readonly TwinSource[] = ['aimed', 'aimed', 'aimed', ...TWIN_SOURCES]

/** Gives scripts, one after another, without end. */
export type NextScript = () => TwinScript

const LONGEST = 3_000
const BATCH = 100

/** Opens all sources for a pair of twins: each script is of the source that comes next. */
export async function openSources(
  world: TwinWorld,
  random: Random,
  sources: readonly TwinSource[] = MOSTLY_AIMED,
): Promise<NextScript> {
  const link = await openLink(world, 'left')
  const words = await readVocabulary({ link })
  link.close()
  const texts = await corpusTexts()
  const aim = { random, plan: world.plan }
  const grammar = grammarTexts(await catalogOf(world), random)
  const openers: Readonly<Record<TwinSource, () => TwinScript>> = {
    aimed: () => aimedScript(aim),
    grammar: () => single(grammar()),
    generated: () => single(generateStatement(words, random)),
    corpus: () => single(random.pick(texts)),
    mutated: () => single(mutated(aimedTexts(aimedScript(aim)), texts, words, random)),
  }
  const single = (sql: string): TwinScript => ({ steps: [stepOf(aim, sql)], isKept: false })
  return () => openers[random.pick(sources)]()
}

const aimedTexts = ({ steps }: TwinScript): readonly string[] => steps.map(({ sql }) => sql)

function mutated(aimed: readonly string[], texts: readonly string[], words: Vocabulary, random: Random): string {
  const text = random.oneIn(2) ? random.pick(aimed) : random.pick(texts)
  return mutate(text, { donor: () => (random.oneIn(2) ? random.pick(aimed) : random.pick(texts)), words }, random)
}

async function corpusTexts(): Promise<readonly string[]> {
  const inside = await insideTexts()
  const outside = (await Promise.all(OUTSIDE_FILES.map(outsideTexts))).flat()
  const able = (sql: string): boolean => sql.length < LONGEST && !sql.includes('\0')
  const own = inside.map(({ sql }) => sql).filter(able)
  // What others wrote is about tables that aren't there, mostly: a tenth of it will do.
  return [...own, ...outside.map(({ sql }) => sql).filter((sql, at) => at % 10 === 0 && able(sql))]
}

/** Statements by the grammar over the catalog, some at a time. */
function grammarTexts(catalog: Catalog, random: Random): () => string {
  const written = statements(catalog)
  let left: string[] = []
  return () => {
    if (left.length === 0)
      left = fc.sample(written, { numRuns: BATCH, seed: random.below(2 ** 31) }).map(({ text }) => text)
    return left.pop() ?? ''
  }
}

async function catalogOf(world: TwinWorld): Promise<Catalog> {
  const client = new Client(world.direct('left'))
  await client.connect()
  try {
    return await loadCatalog(async text => (await client.query({ text, rowMode: 'array' })).rows, {
      searchPath: ['public'],
    })
  } finally {
    await client.end()
  }
}
