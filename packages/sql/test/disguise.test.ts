import { readFile } from 'node:fs/promises'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { type Catalog, effectsOf, type Facts } from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadCatalog } from '../src/postgres/catalog/load-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { corpusSchema } from './attack-corpus.ts'

interface Case {
  readonly id: string
  readonly sql: string | readonly string[]
  readonly truth: {
    readonly verdict: 'read' | 'not-read' | 'neutral'
    readonly statementCount?: number
    readonly unboundedWrite?: boolean
    readonly syntaxError?: boolean
  }
}

const read = async (name: string) =>
  JSON.parse(await readFile(new URL(`../../conformance/corpus/adv/${name}`, import.meta.url), 'utf8'))
const cases: readonly Case[] = await read('disguise.public.json')
const benign: readonly { readonly id: string; readonly sql: string }[] = await read('benign.public.json')

let server: PostgresServer
let client: Client
let catalog: Catalog
let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
  server = await startPostgres({ major: 15, database: 'adv' })
  await server.exec(await corpusSchema())
  client = new Client({ connectionString: server.url })
  await client.connect()
  catalog = await loadCatalog(async sql => (await client.query({ text: sql, rowMode: 'array' })).rows, {
    searchPath: ['public'],
  })
}, 120_000)
afterAll(async () => {
  await client?.end()
  await server?.stop()
})

/** The facts of every statement of a case; a text that can't be split is one opaque statement. */
function factsOf(sql: string | readonly string[]): readonly Facts[] {
  return [sql].flat().flatMap(text => {
    const splitting = classifier.split(text, 15)
    return splitting.kind === 'opaque'
      ? [splitting]
      : splitting.statements.map(({ text }) =>
          classifier.classify({ dialect: 'postgres', text, params: [] }, catalog),
        )
  })
}

const effects = (facts: readonly Facts[]): readonly string[] => [...new Set(facts.flatMap(effectsOf))]
const isPlainRead = (facts: readonly Facts[]): boolean => effects(facts).every(effect => effect === 'read')

describe('statements in disguise', () => {
  test('none that is not a read passes for one', () => {
    const missed = cases.filter(({ sql, truth }) => truth.verdict === 'not-read' && isPlainRead(factsOf(sql)))
    expect(missed.map(({ id }) => id)).toEqual([])
  })

  test('decoys are seen through, but for these', () => {
    const refused = cases.filter(({ sql, truth }) => truth.verdict === 'read' && !isPlainRead(factsOf(sql)))
    expect(refused.map(({ id, sql }) => [id, effects(factsOf(sql)), JSON.stringify(factsOf(sql).flatMap(f=>f.kind==='opaque'?f.message:f.uses.filter(u=>u.effect!=='read').map(u=>u.kind==='statement'?u.why:u.kind==='function'?u.function+' '+u.why:u.relation.name)))])).toEqual([])
  })

  test('a text has as many statements as the server sees in it', () => {
    const wrong = cases.filter(({ sql, truth }) => {
      const facts = factsOf(sql)
      const isSyntaxError = facts.some(fact => fact.kind === 'opaque')
      return truth.syntaxError === true ? !isSyntaxError : facts.length !== truth.statementCount
    })
    expect(wrong.map(({ id }) => id)).toEqual([])
  })

  test('writes without a bound are flagged, and others are not', () => {
    const wrong = cases.filter(({ sql, truth }) => {
      const facts = factsOf(sql)
      // What a function, rule or prepared statement does can't be seen: it has to be unknown.
      if (truth.unboundedWrite === true && effects(facts).includes('unknown')) return false
      const isUnbounded = facts.some(
        fact => fact.kind === 'understood' && fact.uses.some(use => use.kind === 'relation' && use.unbounded),
      )
      return isUnbounded !== (truth.unboundedWrite ?? false)
    })
    expect(wrong.map(({ id, sql }) => `${id}: ${sql}`)).toEqual([])
  })

  test('what everyday clients send is read', () => {
    const refused = benign.filter(({ sql }) => !isPlainRead(factsOf(sql)))
    expect(refused.map(({ id, sql }) => [id, sql.slice(0,80), JSON.stringify(factsOf(sql).flatMap(f=>f.kind==='opaque'?f.message:f.uses.filter(u=>u.effect!=='read').map(u=>u.kind==='statement'?u.why:u.kind==='function'?u.function+' '+u.why:u.relation.name)))])).toEqual([])
  })
})
