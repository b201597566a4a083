import type { Catalog, Facts, Statement, Use } from '@querywarden/policy-core'
import { relationKey } from '@querywarden/policy-core'
import fc from 'fast-check'
import { hostileTexts } from '../arbitraries/hostile-texts.ts'
import { statements } from '../arbitraries/statements.ts'
import { expectThat, isEqualData, type Law, type Runs } from './law.ts'

type Classify = (text: string) => Facts

/** A classifier that has its answer at once. */
type PromptClassifier = (statement: Statement, catalog: Catalog) => Facts

/**
 * What every classifier of PostgreSQL's SQL must keep, whatever else it finds out.
 *
 * @param makeClassifier called once a law; it may load a grammar.
 * @param catalog must hold at least one table with plain names.
 * @example
 * for (const law of classifierLaws(() => postgresClassifier(), catalog, { runs: 500 })) test(law.name, law.check)
 */
export const classifierLaws = (
  makeClassifier: () => PromptClassifier | Promise<PromptClassifier>,
  catalog: Catalog,
  { runs }: Runs,
): readonly Law[] =>
  [...totalityLaws(catalog), ...understandingLaws(catalog)].map(({ name, holds }) => ({
    name,
    check: async () => {
      const classifier = await makeClassifier()
      holds(text => classifier({ dialect: 'postgres', text, params: [] }, catalog), runs)
    },
  }))

interface Draft {
  readonly name: string
  readonly holds: (classify: Classify, runs: number) => void
}

const law = <T>(name: string, arbitrary: fc.Arbitrary<T>, holds: (classify: Classify, value: T) => void): Draft => ({
  name,
  holds: (classify, runs) =>
    fc.assert(
      fc.property(arbitrary, value => holds(classify, value)),
      { numRuns: runs },
    ),
})

const each = (name: string, texts: readonly string[], holds: (classify: Classify, text: string) => void): Draft => ({
  name,
  holds: classify => {
    for (const text of texts) holds(classify, text)
  },
})

const UNREADABLE = [
  '',
  '   ',
  '-- only a comment',
  'select (',
  "select 'open",
  'select "open',
  'select $a$open',
  'select /* open',
  'selec 1',
  'select 1;; select 2',
  'select 1; delete from customers',
]

const totalityLaws = (catalog: Catalog): readonly Draft[] => [
  law('any text is answered, never thrown at', hostileTexts(), (classify, text) => {
    const { kind } = classify(text)
    expectThat(kind === 'opaque' || kind === 'understood', 'a text got no facts')
  }),
  each('a text that does not parse to one statement is opaque', UNREADABLE, (classify, text) => {
    expectThat(classify(text).kind === 'opaque', `understood ${JSON.stringify(text)}`)
  }),
  law(
    'a text that holds NUL or half a surrogate pair is opaque',
    fc.tuple(statements(catalog), fc.nat(), fc.constantFrom('\u{0}', '\u{d800}', '\u{dc00}')),
    (classify, [{ text }, at, bad]) => {
      const spot = at % (text.length + 1)
      expectThat(
        classify(text.slice(0, spot) + bad + text.slice(spot)).kind === 'opaque',
        'understood what the server would not read',
      )
    },
  ),
  law('two statements are never one', fc.tuple(statements(catalog), statements(catalog)), (classify, [a, b]) => {
    expectThat(classify(`${a.text}; ${b.text}`).kind === 'opaque', 'a text of two statements was understood')
  }),
  law(
    'what came before changes nothing',
    fc.tuple(statements(catalog), fc.array(hostileTexts(), { maxLength: 5 })),
    (classify, [{ text }, garbage]) => {
      const before = classify(text)
      for (const other of garbage) classify(other)
      expectThat(isEqualData(classify(text), before), 'the same text got other facts later')
    },
  ),
]

const COMMENTS = ['/* c */', '/* /* nested */ ; drop table t */', '-- c\n', '-- \' " $$\n', '/**/']

const understandingLaws = (catalog: Catalog): readonly Draft[] => [
  law('a plain statement is understood, and does something', statements(catalog), (classify, { text }) => {
    const facts = classify(text)
    expectThat(facts.kind === 'understood' && facts.uses.length > 0, 'a plain statement has no uses')
  }),
  law('a statement uses the relation that it is about', statements(catalog), (classify, { text, relations }) => {
    const found = usesOf(classify(text))
    for (const { relation, access } of relations) {
      const isFound = found.some(
        use => use.kind === 'relation' && relationKey(use.relation) === relationKey(relation) && use.access === access,
      )
      expectThat(isFound, `no use says ${access} on a relation`)
    }
  }),
  law('what changes rows is never only read', statements(catalog), (classify, { text, verb, effects }) => {
    if (!effects.includes('write')) return
    expectThat(
      usesOf(classify(text)).some(({ effect }) => effect !== 'read'),
      `a statement that does ${verb} counts as read`,
    )
  }),
  law(
    'a plain comment never changes the uses',
    fc.tuple(statements(catalog), fc.constantFrom(...COMMENTS)),
    (classify, [{ text }, comment]) => {
      for (const commented of [`${comment}${text}`, `${text} ${comment}`, text.replace(' ', ` ${comment} `)]) {
        expectThat(
          isEqualData(withoutPlaces(classify(commented)), withoutPlaces(classify(text))),
          'a comment changed the uses',
        )
      }
    },
  ),
  law('every place lies within the text', statements(catalog), (classify, { text }) => {
    const bytes = new TextEncoder().encode(text).length
    for (const { place } of usesOf(classify(text))) {
      expectThat(0 <= place.start && place.start <= place.end && place.end <= bytes, 'a place lies outside of the text')
    }
  }),
  law('every relation of the facts is one of the catalog', statements(catalog), (classify, { text }) => {
    for (const use of usesOf(classify(text))) {
      if (use.kind !== 'relation' || use.relation.kind === 'catalog') continue
      expectThat(catalog.relations.has(relationKey(use.relation)), 'a relation was made up')
    }
  }),
  law('facts say which catalog they rest on', statements(catalog), (classify, { text }) => {
    const facts = classify(text)
    expectThat(
      facts.kind === 'understood' && facts.catalogFingerprint === catalog.fingerprint,
      'another catalog is named',
    )
  }),
]

const usesOf = (facts: Facts): readonly Use[] => (facts.kind === 'opaque' ? [] : facts.uses)

/** Uses without where they stand, each once: a comment moves what follows it. */
const withoutPlaces = (facts: Facts): unknown =>
  facts.kind === 'opaque' ? 'opaque' : facts.uses.map(({ place: _, ...use }) => use)
