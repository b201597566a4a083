import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { postgresClassifier } from '../src/postgres/classify.ts'
import { loadGrammar, MAJORS, type Major } from '../src/postgres/engine.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { splitStatements } from '../src/postgres/split.ts'
import { smallCatalog } from './small-catalog.ts'

/** A text as the server of each major read it: 0 refused, 1 at most one statement, 2 more than one. */
interface Verdict {
  readonly sql: string
  readonly n: Readonly<Record<string, number>>
}

const everywhere = (sql: string, n: number): Verdict => ({ sql, n: { 15: n, 16: n, 17: n, 18: n } })

/** Texts that parsers have been fooled by. */
const KNOWN: readonly Verdict[] = [
  everywhere('SELECT 1 /* -- */ ; DROP TABLE t', 2),
  everywhere("SELECT '\\'; DROP TABLE t; --'", 2),
  everywhere("SELECT E'\\'; DROP TABLE t; --'", 1),
  everywhere("SELECT E'a'\n'\\'; DROP TABLE t; --'", 1),
  everywhere("SELECT 'a'\n'\\'; DROP TABLE t; --'", 2),
  everywhere('SELECT 1 AS a$b$; DELETE FROM t; SELECT 1 AS c$b$', 2),
  everywhere('SELECT $a1$ ; $a1$', 1),
  everywhere('SELECT 1 -- x\r; DELETE FROM t', 2),
  everywhere('/* /* */ SELECT 1; */ DELETE FROM t', 1),
  everywhere('SELECT 1 */* c */ 2; DELETE FROM t', 2),
  everywhere("DO 'a' -- c\n 'b'", 1),
  everywhere("SELECT 'a' /* c */\n 'b'", 0),
  everywhere("SELECT U&'\\0061' UESCAPE '!'; SELECT 2", 2),
  everywhere('SELECT "a;b" ; ; ', 1),
  everywhere('-- nothing\n/* at all */ ;', 1),
]

const { QW_SQL_CORPUS, QW_SQL_CORPUS_STRIDE } = process.env
const DIRECTORY = QW_SQL_CORPUS ?? fileURLToPath(new URL('../../../../shared/corpus/sql', import.meta.url))
/** Every how many-th text of a file is looked at; 1 looks at all. */
const STRIDE = Number(QW_SQL_CORPUS_STRIDE ?? 20)
const FILES = ['pg_app', 'pg_regress', 'pg_mut_comment', 'pg_mut_lexical', 'pg_mut_syntax']

async function corpus(): Promise<readonly Verdict[]> {
  if (!existsSync(DIRECTORY)) return []
  const files = await Promise.all(FILES.map(file => readFile(`${DIRECTORY}/${file}.ndjson.gz`)))
  const lines = files.flatMap(file => gunzipSync(file).toString().trim().split('\n'))
  return lines.filter((_, index) => index % STRIDE === 0).map(line => JSON.parse(line))
}

describe.each(MAJORS)('texts that a server of PostgreSQL %i has judged', (major: Major) => {
  test('none hides a statement, and none that it accepts is refused', { timeout: 600_000 }, async () => {
    const grammar = await loadGrammar(major)
    const hidden: string[] = []
    const refused: string[] = []
    let judged = 0
    for (const { sql, n } of [...KNOWN, ...(await corpus())]) {
      const expected = n[major]
      if (expected === undefined) continue
      judged += 1
      const splitting = splitStatements(sql, grammar, DEFAULT_LIMITS)
      if (splitting.kind === 'opaque') {
        if (expected > 0) refused.push(`${splitting.code}: ${sql}`)
        // A parser that failed is replaced in the background.
        if (splitting.code === 'PARSER_FAILED') await setTimeout(50)
      } else if (expected === 2 ? splitting.statements.length < 2 : expected === 1 && splitting.statements.length > 1) {
        hidden.push(sql)
      }
    }
    expect(judged).toBeGreaterThanOrEqual(KNOWN.length)
    expect(hidden).toEqual([])
    expect(refused).toEqual([])
  })

  test('T6: every node of what it accepts is known', { timeout: 600_000 }, async () => {
    const { classify, split } = await postgresClassifier({
      majors: [major],
      cacheEntriesMax: 0,
      limits: DEFAULT_LIMITS,
    })
    const catalog = smallCatalog({ major })
    const opaque: string[] = []
    for (const { sql } of [...KNOWN, ...(await corpus())]) {
      const splitting = split(sql, major)
      for (const { text } of splitting.kind === 'split' ? splitting.statements : []) {
        const facts = classify({ dialect: 'postgres', text, params: [] }, catalog)
        if (facts.kind === 'opaque') opaque.push(`${facts.code} ${facts.message}: ${text}`)
      }
    }
    expect(opaque).toEqual([])
  })
})
