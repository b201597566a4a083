import { classifierLaws } from '@querywarden/policy-testing'
import { describe, test } from 'vitest'
import { postgresClassifier } from '../src/postgres/classify.ts'
import { MAJORS } from '../src/postgres/engine.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { smallCatalog } from './small-catalog.ts'

describe.each(MAJORS)('the laws of every classifier, with the grammar of PostgreSQL %i', major => {
  const make = async () =>
    (await postgresClassifier({ majors: [major], cacheEntriesMax: 10, limits: DEFAULT_LIMITS })).classify
  for (const law of classifierLaws(make, smallCatalog({ major }), { runs: 200 })) test(law.name, law.check)
})
