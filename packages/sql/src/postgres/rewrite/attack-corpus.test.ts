import { type PostgresMajor, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import {
  type Catalog,
  type CompiledPolicy,
  compilePolicy,
  decide,
  type MaskSql,
  parsePolicy,
} from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canaries, corpusPolicy, corpusSchema, corpusTexts } from '../../../test/attack-corpus.ts'
import { classifierAndRewriter, type Pair } from '../../../test/rewriting.ts'
import { loadCatalog } from '../catalog/load-catalog.ts'

/** Hides everything, in the column's own type. */
const hide: MaskSql = (_, column, reference) =>
  column.type === 'text' ? `CASE WHEN false THEN ${reference} ELSE '[hidden]' END` : `(SELECT ${reference} WHERE false)`

const principal = {
  issuer: 'https://idp.example',
  subject: 'agent',
  groups: [],
  actor: null,
  expiresAt: Number.MAX_SAFE_INTEGER,
  credentialDigest: null,
}
const target = { name: 'app', dialect: 'postgres' } as const

/** Triggers write these; no schema tells what runs. A policy must name such copies itself. */
const COPIED_AT_RUN_TIME = ['audit.change_log.row_data']

/** Lets through all that a policy could sensibly let through, so that the masks stand alone. */
async function generousPolicy(): Promise<CompiledPolicy> {
  const { masked } = await corpusPolicy()
  const effects = ['read', 'write', 'session', 'transaction', 'ddl', 'maintenance', 'procedural']
  const policy = {
    version: 1,
    rules: [{ id: 'all', decision: 'allow', what: { effects } }],
    masks: [{ columns: [...masked, ...COPIED_AT_RUN_TIME], with: 'redact' }],
  }
  return compilePolicy(parsePolicy(policy), { version: 'test' })
}

/** A constraint's error shows the row whatever the statement reads; the gateway replaces such texts on the way back. */
const isConstraint = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && String(error.code).startsWith('23')

describe.each<PostgresMajor>([15, 18])('attacks on masks, run on PostgreSQL %i', major => {
  let server: PostgresServer
  let catalog: Catalog
  let pair: Pair
  let policy: CompiledPolicy

  beforeAll(async () => {
    server = await startPostgres({ major, database: 'adv' })
    await server.exec(await corpusSchema())
    await server.exec("alter role app_agent password 'agent-pw'")
    const client = new Client({ connectionString: server.url })
    await client.connect()
    catalog = await loadCatalog(async sql => (await client.query({ text: sql, rowMode: 'array' })).rows, {
      searchPath: ['public'],
    })
    await client.end()
    pair = await classifierAndRewriter()
    policy = await generousPolicy()
  }, 120_000)
  afterAll(() => server?.stop())

  /** What may be sent of a text, statement by statement. */
  function cleared(text: string): readonly string[] {
    const split = pair.split(text, major)
    const texts = split.kind === 'split' ? split.statements.map(statement => statement.text) : []
    return texts.flatMap(each => {
      const statement = { dialect: 'postgres', text: each, params: [] } as const
      const facts = pair.classify(statement, catalog)
      const decision = decide(policy, { principal, target, facts })
      // Each attack runs in one transaction, and COPY needs a protocol of its own.
      if (decision.kind === 'deny' || facts.kind === 'opaque' || facts.copy !== null) return []
      if (facts.uses.some(use => use.effect === 'transaction')) return []
      const rewriting = pair.rewrite(statement, facts, decision.obligations.masks, hide, catalog)
      return rewriting.kind === 'rewritten' ? [rewriting.text] : []
    })
  }

  /** All that the server says while the texts run in one session, which leaves no trace. */
  async function hearing(texts: readonly string[]): Promise<string> {
    const client = new Client({
      host: server.host,
      port: server.port,
      user: 'app_agent',
      password: 'agent-pw',
      database: 'adv',
    })
    const heard: unknown[] = []
    client.on('notice', notice => heard.push(notice.message, notice.detail))
    client.on('notification', ({ payload }) => heard.push(payload))
    await client.connect()
    await client.query("set statement_timeout = '2s'")
    await client.query('begin')
    for (const text of texts) {
      await client.query('savepoint attack')
      try {
        const types = { getTypeParser: () => String }
        const { rows, fields } = await client.query({ text, rowMode: 'array', types })
        heard.push(
          rows,
          fields?.map(({ name }) => name),
        )
      } catch (error) {
        if (!isConstraint(error)) heard.push(error, String(error))
        await client.query('rollback to attack')
      }
    }
    await client.query('rollback')
    await client.end()
    return JSON.stringify(heard)
  }

  test('no canary leaves, in text or in hex (6.4, 13)', async () => {
    const secrets = (await canaries()).flatMap(canary => [canary, Buffer.from(canary).toString('hex')])
    const leaks: string[] = []
    let ran = 0
    for (const { id, texts } of await corpusTexts('leak')) {
      const sent = texts.flatMap(cleared)
      ran += sent.length
      const heard = sent.length === 0 ? '' : await hearing(sent)
      if (secrets.some(secret => heard.includes(secret))) leaks.push(id)
    }
    expect(leaks).toEqual([])
    // A test that refuses everything would find nothing.
    expect(ran).toBeGreaterThan(400)
  }, 240_000)

  test('most of what does no harm still runs', async () => {
    const texts = (await corpusTexts('benign')).flatMap(({ texts }) => texts)
    const sent = texts.filter(text => cleared(text).length > 0)
    expect(sent.length / texts.length).toBeGreaterThan(0.8)
    for (const text of sent) expect(await hearing(cleared(text))).not.toContain('[hidden]')
  }, 120_000)
})
