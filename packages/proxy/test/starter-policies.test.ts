import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { loadCatalog, readCatalog, writeCatalog } from '@querywarden/sql/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildCommand, querywarden } from './built-command.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const FOLDER = fileURLToPath(new URL('../policies/', import.meta.url))
const NAMES = ['break-glass', 'migration-job', 'read-only-analyst', 'support-tooling']

describe('the schema that starter policies are tested on', () => {
  let server: PostgresServer
  let catalog: Catalog
  beforeAll(async () => {
    server = await startPostgres({ major: 18, database: 'shop' })
    await server.exec(await readFile(join(FOLDER, 'shop.sql'), 'utf8'))
    const client = new Client({ connectionString: server.url })
    await client.connect()
    catalog = await loadCatalog(async sql => (await client.query({ text: sql, rowMode: 'array' })).rows, {
      searchPath: ['public'],
    })
    await client.end()
  })
  afterAll(() => server.stop())

  test('is that of shop.sql', async () => {
    // To renew it: QUERYWARDEN_UPDATE_POLICIES=1 npx vitest run packages/proxy/test/starter-policies.test.ts
    const file = join(FOLDER, 'shop.catalog.json')
    if (process.env['QUERYWARDEN_UPDATE_POLICIES'] === '1') await writeFile(file, writeCatalog(catalog))
    const saved = readCatalog(await readFile(file, 'utf8'))
    expect(saved.relations).toEqual(catalog.relations)
  })
})

describe('starter policies', () => {
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'querywarden-test-'))
    await buildCommand()
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  test('are listed with what they are for', async () => {
    const { exit, out } = await querywarden(['policy', 'init'], { cwd: dir })
    expect(exit).toBe(0)
    expect(out.split('\n').map(line => line.split('  ')[0])).toEqual([
      ...NAMES.map(name => expect.stringMatching(name)),
      expect.anything(),
      '',
    ])
    expect(await readdir(dir)).toEqual([])
  })

  test.each(NAMES)('%s is copied out, is checked, and passes its tests, which come across all of it', async name => {
    const copied = await querywarden(['policy', 'init', name, '--dir', name], { cwd: dir })
    expect(copied).toMatchObject({ exit: 0, err: '' })
    const cwd = join(dir, name)
    const strict = await querywarden(
      ['policy', 'check', 'policy.yaml', '--catalog', 'shop.catalog.json', '--target', 'shop', '--strict'],
      { cwd },
    )
    expect(strict).toEqual({ exit: 0, out: 'policy.yaml: no issues\n', err: '' })
    const tested = await querywarden(['policy', 'test', '--min-coverage', '100'], { cwd })
    expect(tested.out).toContain('coverage: 100 %')
    expect(tested).toMatchObject({ exit: 0, err: '' })
    const again = await querywarden(['policy', 'init', name, '--dir', name], { cwd: dir })
    expect(again).toMatchObject({ exit: 2, out: '' })
    expect(again.err).toContain('not overwritten')
  })

  test('one that is not there is bad usage', async () => {
    expect((await querywarden(['policy', 'init', 'none'], { cwd: dir })).exit).toBe(2)
  })
})
