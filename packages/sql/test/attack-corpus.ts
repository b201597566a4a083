import { readFile } from 'node:fs/promises'

const CORPUS = new URL('../../conformance/corpus/adv/', import.meta.url)

/** The SQL that makes the corpus's database. */
export const corpusSchema = (): Promise<string> => readFile(new URL('schema.sql', CORPUS), 'utf8')

export interface CorpusPolicy {
  readonly masked: readonly string[]
  readonly derivedButUnlisted: readonly string[]
}

export const corpusPolicy = async (): Promise<CorpusPolicy> =>
  JSON.parse(await readFile(new URL('policy.json', CORPUS), 'utf8'))

/** The bytes that give a masked value away, each. */
export const canaries = async (): Promise<readonly string[]> =>
  Object.values(JSON.parse(await readFile(new URL('canaries.json', CORPUS), 'utf8')))

export interface CorpusCase {
  readonly id: string
  /** The SQL of its steps, in order. */
  readonly texts: readonly string[]
}

type Step = string | { readonly simple?: string; readonly ext?: { readonly sql: string } }

/** The cases of a part of the corpus, by their SQL alone. Steps that are no SQL are left out. */
export async function corpusTexts(part: 'leak' | 'benign' | 'disguise'): Promise<readonly CorpusCase[]> {
  const cases: readonly { readonly id: string; readonly sql: Step | readonly Step[] }[] = JSON.parse(
    await readFile(new URL(`${part}.public.json`, CORPUS), 'utf8'),
  )
  return cases.map(({ id, sql }) => {
    const steps: readonly Step[] = Array.isArray(sql) ? sql : [sql]
    return {
      id,
      texts: steps.flatMap(step => (typeof step === 'string' ? step : (step.simple ?? step.ext?.sql ?? []))),
    }
  })
}
