import { readFile } from 'node:fs/promises'
import type { PostgresServer } from '@querywarden/dev-servers'
import { type Catalog, effectsOf, type Facts } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { openAdversarialDatabase } from './adversarial-database.ts'

interface Case {
  readonly id: string
  readonly sql: string | readonly string[]
  readonly pre?: readonly string[]
  readonly truth: {
    readonly verdict: 'read' | 'not-read' | 'neutral'
    readonly statementCount?: number
    readonly unboundedWrite?: boolean
    readonly syntaxError?: boolean
  }
}

const corpus = async (name: string) =>
  JSON.parse(await readFile(new URL(`../../conformance/corpus/adv/${name}`, import.meta.url), 'utf8'))

const all: readonly Case[] = await corpus('disguise.public.json')
const benign: readonly { readonly id: string; readonly sql: string }[] = await corpus('benign.public.json')
// What these say rests on a setting that no session can have: it is pinned.
const cases = all.filter(({ pre }) => !pre?.some(sql => sql.includes('standard_conforming_strings')))
const objects = cases.flatMap(({ pre }) => pre ?? []).filter(sql => /^CREATE (TYPE|FUNCTION|CAST|OPERATOR)/.test(sql))

let server: PostgresServer
let catalog: Catalog
let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
  const opened = await openAdversarialDatabase(objects)
  server = opened.server
  catalog = opened.catalog
}, 120_000)
afterAll(async () => server?.stop())

/** The facts of every statement of a case; a text that can't be split is one opaque statement. */
function factsOf(sql: string | readonly string[]): readonly Facts[] {
  return [sql].flat().flatMap(text => {
    const splitting = classifier.split(text, 15)
    return splitting.kind === 'opaque'
      ? [splitting]
      : splitting.statements.map(({ text }) => classifier.classify({ dialect: 'postgres', text, params: [] }, catalog))
  })
}

const effectsOfAll = (sql: string | readonly string[]): readonly string[] => factsOf(sql).flatMap(effectsOf)
const isPlainRead = (sql: string | readonly string[]): boolean => effectsOfAll(sql).every(effect => effect === 'read')
const idsOf = (some: readonly { readonly id: string }[]): readonly string[] => some.map(({ id }) => id)

describe('statements in disguise', () => {
  test('none that is not a read passes for one', () => {
    const missed = cases.filter(({ sql, truth }) => truth.verdict === 'not-read' && isPlainRead(sql))
    expect(idsOf(missed)).toEqual([])
  })

  test('every read is seen as one, but for what runs functions, cursors and plans, and EXPLAIN of a write', () => {
    const reads = cases.filter(({ truth }) => truth.verdict === 'read')
    expect(reads.length).toBe(41)
    expect(idsOf(reads.filter(({ sql }) => !isPlainRead(sql)))).toEqual([
      'D-explain-analyze-off-last',
      'D-explain-verbose-insert',
      'D-function-fmt',
      'D-function-order-total',
      'D-prepare-prepare-read',
      'D-session-declare',
    ])
  })

  test('a text has as many statements as the server sees in it', () => {
    const wrong = cases.filter(({ sql, truth }) => {
      const facts = factsOf(sql)
      const isRefused = facts.some(fact => fact.kind === 'opaque')
      return truth.syntaxError === true ? !isRefused : facts.length !== truth.statementCount
    })
    expect(idsOf(wrong)).toEqual([])
  })

  test('every write without a bound that shows in the statement is flagged, and hardly another', () => {
    const isFlagged = ({ sql }: Case): boolean =>
      factsOf(sql).some(
        fact => fact.kind === 'understood' && fact.uses.some(use => use.kind === 'relation' && use.unbounded),
      )
    // What functions, rules and plans do doesn't show: they have to be unknown.
    const missed = cases.filter(one => one.truth.unboundedWrite === true && !isFlagged(one))
    expect(idsOf(missed.filter(({ sql }) => !effectsOfAll(sql).includes('unknown')))).toEqual([])
    expect(idsOf(cases.filter(one => one.truth.unboundedWrite !== true && isFlagged(one)))).toEqual([
      'D-explain-analyze-off-last',
      'D-multi-create-rule-multi',
      'D-rule-select-rule-new',
    ])
  })

  test('what everyday clients send is read, but for functions of the database', () => {
    expect(idsOf(benign.filter(({ sql }) => !isPlainRead(sql)))).toEqual(['B-syntax-fmt-fn', 'B-syntax-order-total-fn'])
  })
})
