import { readFileSync } from 'node:fs'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { effectsOf } from '@querywarden/policy-core'
import { DEFAULT_LIMITS, type PostgresClassifier, postgresClassifier } from '@querywarden/sql/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WORLD_SETTINGS, World } from '../src/differential/world.ts'
import { SHOP } from '../src/differential/worlds.ts'
import { corpusFile } from '../src/index.ts'

interface Disguise {
  readonly id: string
  readonly sql: string | readonly string[]
  readonly pre?: readonly string[]
  readonly truth: { readonly verdict: 'read' | 'not-read' | 'neutral' }
}

const all: readonly Disguise[] = JSON.parse(readFileSync(corpusFile('disguise.public.json'), 'utf8'))
// What these say rests on a setting that no session can have: it is pinned.
const cases = all.filter(({ pre }) => !pre?.some(sql => sql.includes('standard_conforming_strings')))
const objects = cases.flatMap(({ pre }) => pre ?? []).filter(sql => /^CREATE (TYPE|FUNCTION|CAST|OPERATOR)/.test(sql))
const aboutReadOnly = /read[ _]only/i

let server: PostgresServer
let world: World
let classifier: PostgresClassifier
beforeAll(async () => {
  server = await startPostgres({ major: 15, settings: WORLD_SETTINGS })
  const fill: typeof SHOP.fill = async (client, owner) => {
    await SHOP.fill(client, owner)
    for (const sql of objects) await client.query(sql)
  }
  world = await World.open({ name: 'disguise', fill }, server)
  classifier = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
}, 120_000)
afterAll(async () => {
  world?.close()
  await server?.stop()
})

const effects = (sql: Disguise['sql']): readonly string[] =>
  [sql].flat().flatMap(text => {
    const splitting = classifier.split(text, 15)
    if (splitting.kind === 'opaque') return ['unknown']
    return splitting.statements.flatMap(statement =>
      effectsOf(classifier.classify({ dialect: 'postgres', text: statement.text, params: [] }, world.catalog)),
    )
  })

const named = (some: readonly Disguise[]): readonly (readonly [string, Disguise])[] => some.map(one => [one.id, one])
const inDisguise = cases.filter(({ truth }) => truth.verdict === 'not-read')
const isWrapper = ({ sql }: Disguise): boolean => [sql].flat().some(text => aboutReadOnly.test(text))

describe('no statement in disguise passes for a read', () => {
  test.each(named(inDisguise.filter(one => !isWrapper(one))))('P11: %s', (_, { sql }) => {
    expect(effects(sql).some(effect => effect !== 'read')).toBe(true)
  })
  test.each(named(cases.filter(isWrapper)))('P12: %s', (_, { sql }) => {
    expect(effects(sql).some(effect => effect !== 'read')).toBe(true)
  })
  test('P11, P12: all of the corpus is tried', () => {
    expect(inDisguise.length).toBeGreaterThan(240)
    expect(cases.filter(isWrapper).length).toBeGreaterThan(1)
  })
})
