import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { corpusFile } from '../../attacks/corpus-case.ts'

/** A text of a corpus, with the number of statements that servers see in it, where that is known. */
export interface CorpusText {
  readonly sql: string
  /** By major: 0 refused, 1 at most one statement, 2 more than one. */
  readonly n: Readonly<Record<string, number>> | null
  readonly source: string
}

/** Texts that other people's servers judged; not part of this repository, and not on every machine. */
const OUTSIDE = fileURLToPath(new URL('../../../../../../shared/corpus/sql/', import.meta.url))
export const OUTSIDE_FILES = ['pg_app', 'pg_regress', 'pg_mut_comment', 'pg_mut_lexical', 'pg_mut_syntax'] as const

/** The texts of one outside file; none where it isn't there. */
export async function outsideTexts(file: (typeof OUTSIDE_FILES)[number]): Promise<readonly CorpusText[]> {
  const path = `${OUTSIDE}${file}.ndjson.gz`
  if (!existsSync(path)) return []
  const lines = gunzipSync(await readFile(path))
    .toString()
    .trim()
    .split('\n')
  return lines.map(line => JSON.parse(line))
}

const INSIDE = [
  'disguise.public.json',
  'leak.public.json',
  'leak.more.json',
  'benign.public.json',
  'benign.more.json',
] as const

/** The SQL of this repository's own corpora: all strings that a case runs, prepares with or sets up. */
export async function insideTexts(): Promise<readonly CorpusText[]> {
  const found: CorpusText[] = []
  for (const name of INSIDE) {
    const cases: readonly Readonly<Record<string, unknown>>[] = JSON.parse(await readFile(corpusFile(name), 'utf8'))
    for (const { id, sql, pre, control } of cases)
      for (const text of [sql, pre, control].flatMap(sqlIn))
        found.push({ sql: text, n: null, source: `${name}#${String(id)}` })
  }
  return found
}

function sqlIn(step: unknown): readonly string[] {
  if (typeof step === 'string') return [step]
  if (Array.isArray(step)) return step.flatMap(sqlIn)
  if (typeof step !== 'object' || step === null) return []
  if ('simple' in step) return sqlIn(step.simple)
  if ('ext' in step && typeof step.ext === 'object' && step.ext !== null && 'sql' in step.ext)
    return sqlIn(step.ext.sql)
  return []
}
