import { readFile } from 'node:fs/promises'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { type Catalog, compilePolicy, type Decision, decide, type Principal } from '@querywarden/policy-core'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import { DEFAULT_LIMITS, loadCatalog, type PostgresClassifier, postgresClassifier } from '@querywarden/sql/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  CorpusDatabase,
  corpusFile,
  DIRECT_USERS,
  type LeakCase,
  readLeakCases,
  SERVER_SETTINGS,
} from '../src/index.ts'

const agent: Principal = {
  issuer: 'https://idp.example',
  subject: 'agent',
  groups: ['ai-agents'],
  actor: null,
  expiresAt: Number.MAX_SAFE_INTEGER,
  credentialDigest: null,
}

let server: PostgresServer
let database: CorpusDatabase
let catalog: Catalog
let classifier: PostgresClassifier

beforeAll(async () => {
  server = await startPostgres({ major: 15, settings: SERVER_SETTINGS })
  database = await CorpusDatabase.open('app', server, async () => undefined)
  const client = new Client({ host: server.host, port: server.port, database: 'app', ...DIRECT_USERS.agent })
  await client.connect()
  catalog = await loadCatalog(async text => (await client.query({ text, rowMode: 'array' })).rows, {
    searchPath: ['public'],
  })
  await client.end()
  classifier = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})
afterAll(async () => {
  await database.close()
  await server.stop()
})

/** The statements of a case that is nothing but SQL; null where it is more. */
function statementsOf({ sql, setup }: LeakCase): readonly string[] | null {
  const steps = Array.isArray(sql) ? sql : [sql]
  const texts = steps.flatMap(step => (typeof step === 'string' ? [step] : []))
  return texts.length === steps.length && setup === undefined ? texts : null
}

test('no attack in plain SQL gets through with neither a refusal nor a mask on the way', async () => {
  const text = await readFile(corpusFile('policy.yaml'), 'utf8')
  const policy = compilePolicy(readPolicyYaml(text, { file: 'policy.yaml' }), { version: '1' })
  const decisionOn = (sql: string): Decision => {
    const facts = classifier.classify({ dialect: 'postgres', text: sql, params: [] }, catalog)
    return decide(policy, { principal: agent, target: { name: 'app', dialect: 'postgres' }, facts })
  }
  const stops = (decision: Decision): boolean => decision.kind !== 'allow' || decision.obligations.masks.length > 0

  const plain = (await readLeakCases()).flatMap(leakCase => {
    const statements = statementsOf(leakCase)
    return statements === null ? [] : [{ id: leakCase.id, statements }]
  })
  expect(plain.length).toBeGreaterThan(700)
  const through = plain.filter(({ statements }) => !statements.map(decisionOn).some(stops))
  expect(through.map(({ id, statements }) => [id, ...statements])).toEqual([])
})
