import { generateStatement } from '../generate/statements.ts'
import { readVocabulary } from '../generate/vocabulary.ts'
import { mutate } from '../mutate.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { type CorpusText, insideTexts, OUTSIDE_FILES, outsideTexts } from './texts.ts'

/** Where texts come from. */
export const SOURCES = ['corpus', 'generated', 'mutated'] as const
export type SourceName = (typeof SOURCES)[number]

/** Gives texts, one after another; null at the end, where there is one. */
export type NextText = () => CorpusText | null

/** Opens a source for a world. `stride`: every how many-th text of a corpus is taken. */
export async function openSource(
  name: SourceName,
  world: World,
  { random, stride }: { readonly random: Random; readonly stride: number },
): Promise<NextText> {
  if (name === 'corpus') return oneByOne(await corpusOf(world.name, stride))
  const words = await readVocabulary(world)
  if (name === 'generated') return () => ({ sql: generateStatement(words, random), n: null, source: name })
  const short = (texts: readonly CorpusText[]): readonly string[] =>
    texts.map(({ sql }) => sql).filter(sql => sql.length < 1_500)
  const [own, all] = [short(await insideTexts()), short(await corpusOf(world.name, 1))]
  // What is about this world runs in it: mutants of that are worth more than of what fails before and after.
  const drawn = (): string => {
    if (random.oneIn(2)) return generateStatement(words, random)
    return random.pick(world.name !== 'regress' && !random.oneIn(4) ? own : all)
  }
  return () => ({ sql: mutate(drawn(), { donor: drawn, words }, random), n: null, source: name })
}

async function corpusOf(world: string, stride: number): Promise<readonly CorpusText[]> {
  const files = world === 'regress' ? (['pg_regress'] as const) : OUTSIDE_FILES
  const inside = world === 'regress' ? [] : await insideTexts()
  const outside = (await Promise.all(files.map(outsideTexts))).flat()
  return [...inside, ...outside.filter((_, index) => index % stride === 0)]
}

function oneByOne(texts: readonly CorpusText[]): NextText {
  let at = 0
  return () => texts[at++] ?? null
}
