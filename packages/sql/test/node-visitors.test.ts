import type { CatalogRoutine, Facts } from '@querywarden/policy-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import type { Visitor } from '../src/postgres/context.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { VISITORS } from '../src/postgres/walk.ts'
import { NODE_SAMPLES } from './node-samples.ts'
import { smallCatalog, unseen } from './small-catalog.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [18], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

/** A cast to JSON. */
const AS_JSON: CatalogRoutine = {
  schema: 'public',
  name: 'as_json',
  oid: 20_000,
  kind: 'function',
  argumentTypes: [20_001],
  argumentsMin: 1,
  argumentsMax: 1,
  language: 'c',
  volatility: 'volatile',
  isSecurityDefiner: false,
  settings: new Map(),
  body: null,
  supports: [],
}

/** Operators, too, that only the forms of other expressions call. */
const catalog = smallCatalog({ major: 18, userOperators: unseen('===', '='), jsonCasts: [AS_JSON] })
const factsOf = (text: string): Facts => classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)

/** Tests may put another visitor in a table's place. */
const replace = (type: string, visitor: Visitor): Map<string, Visitor> =>
  (VISITORS as Map<string, Visitor>).set(type, visitor)
const asPassive: Visitor = (context, _, scope, typed) => context.visitFields(typed, scope)

/** Those whose parts say all that they do: they have their place in a table for the tag of their statement. */
const PLAIN = new Set(['AlterDefaultPrivilegesStmt', 'ReturnStmt'])

describe('T6: without any one of the visitors a statement is understood otherwise', () => {
  const originals = new Map(VISITORS)
  afterEach(() => {
    for (const [type, visitor] of originals) replace(type, visitor)
  })

  test.each(Object.entries(NODE_SAMPLES))('%s: %s', (type, text) => {
    const before = factsOf(text)
    expect(before.kind).toBe('understood')
    replace(type, asPassive)
    if (PLAIN.has(type)) expect(factsOf(text)).toEqual(before)
    else expect(factsOf(text)).not.toEqual(before)
  })

  test('there is a sample for each', () => {
    expect(Object.keys(NODE_SAMPLES).sort()).toEqual([...VISITORS.keys()].sort())
  })
})
