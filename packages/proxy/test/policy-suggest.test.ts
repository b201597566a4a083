import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import { loadCatalog, writeCatalog } from '@querywarden/sql/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { policySuggest } from '../src/commands/policy-suggest.ts'
import { patternOf } from '../src/suggest/proposal-yaml.ts'
import { proposeMasks } from '../src/suggest/propose-masks.ts'
import { sampleColumns } from '../src/suggest/sample-columns.ts'

vi.setConfig({ hookTimeout: 90_000 })

const CORPUS = new URL('../../conformance/corpus/adv/', import.meta.url)

let server: PostgresServer
let client: Client
let catalog: Catalog
let dir: string
let masked: readonly string[]

const query = async (sql: string): Promise<(string | null)[][]> =>
  (
    await client.query<(string | null)[]>({
      text: sql,
      rowMode: 'array',
      types: { getTypeParser: () => (value: unknown) => value },
    })
  ).rows

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'querywarden-test-'))
  server = await startPostgres({ major: 18 })
  client = new Client({ connectionString: server.url })
  await client.connect()
  await client.query(await readFile(new URL('schema.sql', CORPUS), 'utf8'))
  catalog = await loadCatalog(query, { searchPath: ['public'] })
  const listed: unknown = JSON.parse(await readFile(new URL('policy.json', CORPUS), 'utf8'))
  masked = (listed as { masked: string[] }).masked
})
afterAll(async () => {
  await client?.end()
  await server?.stop()
  if (dir !== undefined) await rm(dir, { recursive: true, force: true })
})

/** A masked column counts as found where it is proposed itself, or shows one that is. */
const found = (columns: readonly string[], wanted: string): boolean => {
  const relation = [...catalog.relations.values()].find(({ schema, name }) => wanted.startsWith(`${schema}.${name}.`))
  const column = relation?.columns.find(({ name }) => wanted.endsWith(`.${name}`))
  return column?.origins.some(origin => columns.includes(patternOf(origin))) ?? false
}

const PLAIN = [
  'public.customers.id',
  'public.customers.name',
  'public.customers.tier',
  'public.customers.region',
  'public.customers.created_at',
  'public.cards.brand',
  'public.cards.exp',
  'public.cards.last4',
  'public.cards.customer_id',
  'public.products.sku',
  'public.products.title',
  'public.products.price',
  'public.orders.status',
  'public.orders.total',
  'public.orders.tracking_no',
  'public.order_items.qty',
  'billing.payments.amount',
  'billing.payments.paid_on',
  'hr.employees.dept',
  'kyc.documents.kind',
  'analytics.page_views.path',
  'analytics.daily.revenue',
  'audit.change_log.op',
  'public.feedback.stars',
]

describe('on the schema that the corpus attacks', () => {
  test('by names and types alone, every masked column is found, and none of the plain ones', () => {
    const columns = proposeMasks(catalog, () => null).map(({ column }) => patternOf(column))
    expect(masked.filter(column => !found(columns, column))).toEqual([])
    expect(columns.filter(column => PLAIN.includes(column))).toEqual([])
  })

  test('what shows a proposed column follows it: no view, partition, child or generated column is proposed', () => {
    const columns = proposeMasks(catalog, () => null).map(({ column }) => patternOf(column))
    for (const follower of [
      'billing.payments_2024h1.iban',
      'hr.employees.national_id',
      'public.customers.ssn_key',
      'public.v_customers.email',
    ])
      expect(columns).not.toContain(follower)
  })

  test('samples make sure of a name, find what no name tells, and read nothing else', async () => {
    await client.query(`create table public.plain (a text, b text, c text);
      insert into public.plain select 'user' || n || '@example.com', 'order ' || n, 'row ' || n from generate_series(1, 50) n;
      create table public.closed (email text); create role sampler; grant select on public.plain to sampler`)
    const now = await loadCatalog(query, { searchPath: ['public'] })
    await client.query('set role sampler')
    const samples = await sampleColumns(now, 20, query)
    await client.query('reset role')
    const proposals = proposeMasks(now, (relation, column) => samples.of(relation, column.name))
    const plain = proposals.filter(({ column }) => column.name === 'plain')
    expect(plain).toMatchObject([
      {
        column: { column: 'a' },
        certainty: 'high',
        mask: { kind: 'email' },
        reasons: ['20 of 20 sampled values hold what looks like email'],
      },
    ])
    expect(samples.unread).toContain('public.closed')
    await client.query('drop table public.plain, public.closed; drop role sampler')
  })
})

describe('the command', () => {
  async function suggest(isJson: boolean, policy: string): Promise<{ exit: number; out: string }> {
    const files = { catalog: join(dir, 'catalog.json'), policy: join(dir, 'policy.yaml') }
    await writeFile(files.catalog, writeCatalog(catalog))
    await writeFile(files.policy, policy)
    const lines: string[] = []
    const terminal = { out: (line: string) => lines.push(line), note: () => undefined, isJson }
    const exit = await policySuggest(terminal, { config: join(dir, 'none.yaml'), ...files, target: 'shop', sample: 0 })
    return { exit, out: lines.join('\n') }
  }

  test('what it prints can be appended to a policy, which then has nothing open', async () => {
    const before = 'version: 1\nrules: []\n'
    const first = await suggest(false, before)
    expect(first.exit).toBe(1)
    const after = `${before}${first.out}\n`
    expect(readPolicyYaml(after, { file: 'policy.yaml' }).masks.length).toBeGreaterThan(10)
    const second = await suggest(false, after)
    expect(second.exit).toBe(0)
    expect(second.out).toContain('# masked already: public.customers.ssn')
  })

  test('it says which columns a policy masks already, whomever the mask is for', async () => {
    const policy = `version: 1
rules: []
masks:
  - { columns: [public.customers.email], with: email, who: { groups: [ai-agents] } }
`
    const { exit, out } = await suggest(true, policy)
    const data = JSON.parse(out) as { proposals: { column: string }[]; masked: string[] }
    expect(exit).toBe(1)
    expect(data.masked).toEqual(['public.customers.email'])
    expect(data.proposals.map(({ column }) => column)).not.toContain('public.customers.email')
  })
})
