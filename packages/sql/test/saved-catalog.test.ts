import type { PostgresServer } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCatalog, writeCatalog } from '../src/postgres/catalog/saved-catalog.ts'
import { openAdversarialDatabase } from './adversarial-database.ts'

let server: PostgresServer
let catalog: Catalog
beforeAll(async () => {
  ;({ server, catalog } = await openAdversarialDatabase([
    // Names that objects inherit, and names that are numbers, are names like any other.
    'create table "__proto__" ("constructor" int, "7" text)',
    'create table "10" (id int); create table "9" (id int)',
    "create function many(variadic int[]) returns int language sql as 'select 1'",
  ]))
})
afterAll(() => server.stop())

describe('a saved catalog', () => {
  test('reads back to an equal one, in the same order', () => {
    const read = readCatalog(writeCatalog(catalog))
    expect(read).toEqual(catalog)
    expect([...read.relations.keys()]).toEqual([...catalog.relations.keys()])
    expect(read.userFunctions.get('many')?.[0]?.argumentsMax).toBe(Number.POSITIVE_INFINITY)
    expect(writeCatalog(read)).toBe(writeCatalog(catalog))
  })

  test('shows a relation a line', () => {
    const lines = writeCatalog(catalog).split('\n')
    const keyed = lines.filter(line => line.includes('[\\"public\\",\\"customers\\"]') && line.includes('"columns"'))
    expect(keyed).toHaveLength(1)
  })

  test('N3: one that is something else, of another version, or not whole is refused', () => {
    const text = writeCatalog(catalog)
    const wrong = [
      '',
      'null',
      '[]',
      '{}',
      text.slice(0, -10),
      text.replace('"version": 1', '"version": 2'),
      text.replace('"relations"', '"relatives"'),
      text.replace('"userTypes": {', '"userTypes": { "$mop": [] }, "x": {'),
      text.replace('"origins":[', '"origin":['),
      text.replace('"reactions":', '"reaction":'),
    ]
    for (const one of wrong) expect(() => readCatalog(one), one.slice(0, 40)).toThrow(/saved catalog|no JSON/)
  })
})
