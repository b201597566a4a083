import { beforeAll, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [18], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

test.each([
  'select * from app.public.customers',
  'select (select ssn from app.public.customers limit 1)',
  'with c as (select * from app.public.customers) select * from c',
  'insert into orders select * from app.public.customers',
  'copy app.public.customers to stdout',
])('N1: %s names its database, under which no mask is looked up', text => {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, smallCatalog({ major: 18 }))
  expect(facts.kind === 'understood' && facts.prohibitions.map(({ code }) => code)).toEqual(['UNSUPPORTED'])
})
