import { POSTGRES_MAJORS, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { type Catalog, type CatalogRelation, relationKey } from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogOf } from '../../../test/adversarial-database.ts'
import { MASKED_WORLD } from '../../../test/masked-world.ts'
import { catalogSharing, readCatalog as readShared } from '../threads/share-catalog.ts'
import { readCatalog, writeCatalog } from './saved-catalog.ts'
import { schemaVersion } from './version.ts'

const KEYS = `
create schema keys;
create table keys.pair (a int, b int, c text, primary key (b, a));
create table keys.later (id int primary key deferrable);
create table keys.parted (id int primary key, v text) partition by range (id);
create table keys.parted_1 partition of keys.parted default;
create table keys.parent (id int primary key);
create table keys.child () inherits (keys.parent);
`

const found = (catalog: Catalog, schema: string, name: string): CatalogRelation => {
  const relation = catalog.relations.get(relationKey({ schema, name }))
  if (relation === undefined) throw new Error(`no relation ${schema}.${name}`)
  return relation
}

describe.each(POSTGRES_MAJORS)('what views show on PostgreSQL %i', major => {
  let server: PostgresServer
  let catalog: Catalog
  beforeAll(async () => {
    server = await startPostgres({ major, database: 'world' })
    await server.exec(MASKED_WORLD + KEYS)
    catalog = await catalogOf(server)
  }, 120_000)
  afterAll(() => server?.stop())

  const connected = async <T>(use: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({ connectionString: server.url })
    await client.connect()
    return use(client).finally(() => client.end())
  }
  const view = (name: string) => found(catalog, 'lab', name).view

  test('P1: a definition comes with every name qualified and no semicolon, and runs under any search_path', async () => {
    expect(view('nested')?.text).toMatch(/FROM lab\.renamed$/)
    await connected(async client => {
      await client.query('set search_path = pg_catalog')
      for (const { view: defined } of catalog.relations.values()) {
        if (defined === undefined || defined.text.includes('lab.far')) continue
        await client.query(`select from (${defined.text}) as v`)
      }
    })
  })

  test('the kinds of views are told apart', () => {
    const flags = { isMaterialized: false, isSecurityBarrier: false, isSecurityInvoker: false }
    expect(view('renamed')).toMatchObject(flags)
    expect(view('barrier')).toMatchObject({ ...flags, isSecurityBarrier: true })
    expect(view('invoker')).toMatchObject({ ...flags, isSecurityInvoker: true })
    expect(view('stored')).toMatchObject({ ...flags, isMaterialized: true })
    expect(found(catalog, 'hr', 'people').view).toBeUndefined()
    // It reads no relation: there is nothing to mask in it.
    expect(view('numbers')).toBeUndefined()
  })

  test('a view reads the catalog’s own relations, each once, views among them', () => {
    expect(view('renamed')?.reads).toEqual([found(catalog, 'hr', 'people')])
    expect(view('nested')?.reads[0]).toBe(found(catalog, 'lab', 'renamed'))
    expect(view('nested')?.reads[0]?.view?.reads[0]).toBe(found(catalog, 'hr', 'people'))
    expect(view('recursive')?.reads).toHaveLength(1)
    expect(view('deep')?.reads[0]).toBe(found(catalog, 'lab', 'of_partition'))
  })

  test('a saved catalog and a thread’s copy read the same, and each relation stands in them once', async () => {
    const text = writeCatalog(catalog)
    const shared = readShared(await catalogSharing()(catalog))
    for (const copy of [readCatalog(text), shared]) {
      if (copy === null) throw new Error('no copy')
      expect(copy.relations).toEqual(catalog.relations)
      expect(found(copy, 'lab', 'nested').view?.reads[0]).toBe(found(copy, 'lab', 'renamed'))
    }
    // Only as text of a definition, and once as a relation of its own.
    expect(text.split('"name":"deep","oid"')).toHaveLength(2)
    expect(text.split('"name":"renamed","oid"')).toHaveLength(2)
    const circular = text.replace(
      '"reads":[{"schema":"hr","name":"people"}]',
      '"reads":[{"schema":"lab","name":"nested"}]',
    )
    // CREATE OR REPLACE VIEW can make views that read each other, and the rest of such a database is still to be known.
    const views = ['renamed', 'nested'].map(name => found(readCatalog(circular), 'lab', name).view)
    expect(views.filter(each => each === undefined)).toHaveLength(1)
    expect(() => readCatalog(text.replace('"reads":[{', '"reads":["x",{'))).toThrow('saved catalog')
  })

  test('by what the server compares rows with others, and what an INSERT can leave out', () => {
    const compared = (schema: string, name: string) =>
      found(catalog, schema, name)
        .comparisons?.map(({ columns, optional }) =>
          [...columns].map(column => (optional.has(column) ? `${column}?` : column)).join(' '),
        )
        .sort()
    expect(compared('hr', 'people')).toEqual(['id?', 'ssn?'])
    // A predicate that reads a column makes it none that can be left out.
    expect(compared('hr', 'booked')).toEqual(['code kind', 'during?', 'room?'])
    // The whole row, in an expression.
    expect(compared('hr', 'computed')).toEqual(['first last plain whole'])
    expect(compared('hr', 'refers')).toEqual(['ssn?'])
    expect(compared('hr', 'payments')).toEqual(['at? id?'])
    expect(compared('hr', 'payments_old')).toEqual(['at? id?'])
    // A unique index on a grandchild, whose column the child has and the parent hasn't.
    expect(compared('hr', 'child')).toEqual(['secret?'])
    expect(compared('hr', 'parent')).toEqual([])
    expect(compared('hr', 'paired')).toEqual(['code', 'k', 'k region', 'k? region ssn', 'region? ssn'])
    expect(compared('lab', 'far')).toBeUndefined()
    expect(compared('lab', 'renamed')).toBeUndefined()
  })

  test('the keys that GROUP BY may rest on', () => {
    const key = (schema: string, name: string) => found(catalog, schema, name).primaryKey
    expect(key('hr', 'people')).toEqual(['id'])
    expect(key('hr', 'booked')).toBeUndefined()
    expect(key('keys', 'pair')).toEqual(['b', 'a'])
    expect(key('keys', 'later')).toBeUndefined()
    // A partitioned table has it for all of its rows, a parent but for its own.
    expect(key('keys', 'parted')).toEqual(['id'])
    expect(key('keys', 'parted_1')).toEqual(['id'])
    expect(key('keys', 'parent')).toBeUndefined()
    expect(key('keys', 'child')).toBeUndefined()
  })

  test('a change of a view’s options or of a unique index shows in the version and in the fingerprint', async () => {
    const version = () =>
      connected(async client => {
        const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
        return (await schemaVersion(query, null)).text
      })
    const versions = new Set([await version()])
    const fingerprints = new Set([catalog.fingerprint])
    const changes = [
      'alter view lab.nested set (security_barrier)',
      'alter view lab.nested set (security_invoker = true)',
      'create unique index extra on hr.searched (plain)',
    ]
    for (const [at, change] of changes.entries()) {
      await server.exec(change)
      versions.add(await version())
      fingerprints.add((await catalogOf(server)).fingerprint)
      expect([versions.size, change]).toEqual([at + 2, change])
    }
    expect(fingerprints.size).toBe(4)
  })

  test('a view that another session is changing is not known, and holds nothing else up', async () => {
    const meanwhile = await connected(async client => {
      await client.query('begin; alter view lab.barrier set (security_barrier)')
      return catalogOf(server)
    })
    expect(found(meanwhile, 'lab', 'barrier').view).toBeUndefined()
    expect(found(meanwhile, 'lab', 'renamed').view).toBeDefined()
    expect([meanwhile.isPartial, catalog.isPartial]).toEqual([true, undefined])
    expect(meanwhile.fingerprint).not.toBe(catalog.fingerprint)
  })
})
