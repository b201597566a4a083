import { relationKey } from '@querywarden/policy-core'
import { expect, test } from 'vitest'
import { smallCatalog, unseen } from '../../../test/small-catalog.ts'
import { catalogSharing, readCatalog } from './share-catalog.ts'

test('a catalog comes out as it went in, however large', async () => {
  const small = smallCatalog()
  const [some] = small.relations.values()
  const relations = new Map(small.relations)
  for (let oid = 100; oid < 300; oid++)
    if (some !== undefined) relations.set(relationKey({ schema: 's', name: `t${oid}` }), { ...some, oid })
  const userFunctions = unseen(...Array.from({ length: 200 }, (_, at) => `f${at}`))
  const catalog = smallCatalog({ relations, userFunctions, userRowFunctions: new Set(['a']) })
  const shared = await catalogSharing()(catalog)
  expect(shared.parts.length).toBeGreaterThan(10)
  expect(readCatalog(shared)).toEqual(catalog)
})

test('it is serialized once for all threads', () => {
  const share = catalogSharing()
  expect(share(smallCatalog())).toBe(share(smallCatalog()))
  expect(share(smallCatalog({ major: 16 }))).not.toBe(share(smallCatalog()))
})
