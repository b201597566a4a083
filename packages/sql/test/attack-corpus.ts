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
