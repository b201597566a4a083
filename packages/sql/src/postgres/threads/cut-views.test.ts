import { type CatalogRelation, relationKey } from '@querywarden/policy-core'
import { expect, test } from 'vitest'
import { masksOf } from '../../../test/rewriting.ts'
import { smallCatalog } from '../../../test/small-catalog.ts'
import { postgresClassifier } from '../classify.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import { cutFacts, cutMasks, restored, restoredFacts } from './cut-views.ts'

const small = smallCatalog()
const [orders] = small.relations.values()
if (orders === undefined) throw new Error('the small catalog is empty')
const kinds = { isMaterialized: false, isSecurityBarrier: false, isSecurityInvoker: false }
const lower: CatalogRelation = {
  ...orders,
  oid: 50,
  name: 'lower_view',
  kind: 'derived',
  view: { ...kinds, text: 'select id from public.orders', reads: [orders] },
}
const upper: CatalogRelation = {
  ...orders,
  oid: 51,
  name: 'upper_view',
  kind: 'derived',
  view: { ...kinds, text: 'select id from public.lower_view', reads: [lower] },
}
const relations = new Map([...small.relations.values(), lower, upper].map(one => [relationKey(one), one]))
const catalog = smallCatalog({ relations })

test('facts and masks travel without definitions of views, and have them again where they arrive', async () => {
  const { classify } = await postgresClassifier({ majors: [17], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
  const text = 'select u.id from upper_view u join orders o on o.id = u.id'
  const facts = classify({ dialect: 'postgres', text, params: [] }, catalog)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  const [first] = facts.uses
  expect(first?.kind === 'relation' && first.relation.view?.reads[0]?.view?.reads[0]?.name).toBe('orders')
  // What facts say of a relation is no more than what they say of others.
  expect(first?.kind === 'relation' && first.relation.view?.reads[0]).not.toHaveProperty('reactions')

  const cut = structuredClone(cutFacts(facts))
  expect(JSON.stringify(cut)).not.toContain('lower_view')
  expect(restoredFacts(cut, catalog)).toEqual(facts)
  const masks = masksOf(facts.uses, () => true)
  const sent = structuredClone(cutMasks(masks))
  expect(sent.map(({ relation }) => relation.view)).toEqual(masks.map(() => undefined))
  expect(sent.map(({ relation }) => restored(relation, catalog))).toEqual(masks.map(({ relation }) => relation))
})
