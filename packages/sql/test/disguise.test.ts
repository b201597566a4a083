import { readFile } from 'node:fs/promises'
import type { PostgresServer } from '@querywarden/dev-servers'
import { type Catalog, effectsOf, type Facts } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { catalogOf, openAdversarialDatabase } from './adversarial-database.ts'
import { excess, missing, said, type Truth } from './truth.ts'

interface Case {
  readonly id: string
  readonly sql: string | readonly string[]
  readonly pre?: readonly string[]
  readonly truth: Truth
}

const corpus = async (name: string) =>
  JSON.parse(await readFile(new URL(`../../conformance/corpus/adv/${name}`, import.meta.url), 'utf8'))

const all: readonly Case[] = await corpus('disguise.public.json')
const benign: readonly { readonly id: string; readonly sql: string }[] = await corpus('benign.public.json')
// What these say rests on a setting that no session can have: it is pinned.
const cases = all.filter(({ pre }) => !pre?.some(sql => sql.includes('standard_conforming_strings')))
const objects = cases.flatMap(({ pre }) => pre ?? []).filter(sql => /^CREATE (TYPE|FUNCTION|CAST|OPERATOR)/.test(sql))

let server: PostgresServer
let catalog: Catalog
const catalogs = new Map<string, Catalog>()
let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
  const opened = await openAdversarialDatabase(objects)
  server = opened.server
  catalog = opened.catalog
  // Rules change what other cases do: each is there for its own case alone.
  for (const { id, pre = [] } of cases) {
    const rules = pre.flatMap(sql => /^CREATE RULE (\w+) AS ON \w+ TO (\w+)/.exec(sql) ?? [])
    const [create, name, table] = rules
    if (create === undefined) continue
    for (const sql of pre) await server.exec(sql)
    catalogs.set(id, await catalogOf(server))
    await server.exec(`DROP RULE ${name} ON ${table}`)
  }
}, 120_000)
afterAll(async () => server?.stop())

/** The facts of every statement of a case; a text that can't be split is one opaque statement. */
function factsOf(sql: string | readonly string[], by: Catalog = catalog): readonly Facts[] {
  return [sql].flat().flatMap(text => {
    const splitting = classifier.split(text, 15)
    return splitting.kind === 'opaque'
      ? [splitting]
      : splitting.statements.map(({ text }) => classifier.classify({ dialect: 'postgres', text, params: [] }, by))
  })
}

const effectsOfAll = (sql: string | readonly string[]): readonly string[] => factsOf(sql).flatMap(effectsOf)
const isPlainRead = (sql: string | readonly string[]): boolean => effectsOfAll(sql).every(effect => effect === 'read')
const idsOf = (some: readonly { readonly id: string }[]): readonly string[] => some.map(({ id }) => id)

const because = (why: string, ids: string): readonly (readonly [string, string])[] =>
  ids
    .trim()
    .split(/\s+/)
    .map(id => [id, why])

/** Cases that are said to do more than they do, with the reason. */
const STRICTER: ReadonlyMap<string, string> = new Map([
  ...because(
    'the gate keeps account of plans and cursors, which the text alone does not tell',
    `D-cte-dml-in-prepare D-lock-for-update-fetch D-prepare-ctas-execute D-prepare-dynamic-prepare
     D-prepare-execute-harmless D-prepare-execute-only D-prepare-params D-prepare-prepare-read D-prepare-quoted
     D-prepare-stale-name D-session-declare D-session-move-fn D-unbounded-bounded-cur`,
  ),
  ...because(
    'SQL that is made at run time, or run elsewhere',
    `D-do-dynamic-drop D-do-loop-exec D-function-crosstab D-function-dblink D-function-default-arg
     D-function-run-sql-concat D-function-run-sql-ddl D-function-xml-query`,
  ),
  ...because('an extension in C', 'D-builtin-stat-statements-reset'),
  ...because('reads what other sessions do', 'D-builtin-terminate-all'),
  ...because('reaches beyond this database', 'D-ddl-create-database D-ddl-create-publication D-ddl-create-server'),
  ...because('who makes a rule has what it does run for others', 'D-multi-create-rule-multi D-rule-select-rule-new'),
  ...because('an INSTEAD rule may have a condition: both count', 'D-rule-insert-default-ping'),
  ...because('what a rule writes is unbounded, though the statement is not', 'D-rule-rule-then-use'),
  ...because('work that outlives its session', 'D-transaction-prepare-tx D-transaction-rollback-prepared'),
  ...because('works on relations that it does not name', 'D-utility-reindex-db'),
])

describe('statements in disguise', () => {
  test('none that is not a read passes for one', () => {
    const missed = cases.filter(({ sql, truth }) => truth.verdict === 'not-read' && isPlainRead(sql))
    expect(idsOf(missed)).toEqual([])
  })

  test('every read is seen as one, but for what keeps a plan or a cursor', () => {
    const reads = cases.filter(({ truth }) => truth.verdict === 'read')
    expect(reads.length).toBe(41)
    expect(idsOf(reads.filter(({ sql }) => !isPlainRead(sql)))).toEqual(['D-prepare-prepare-read', 'D-session-declare'])
  })

  test('a text has as many statements as the server sees in it', () => {
    const wrong = cases.filter(({ sql, truth }) => {
      const facts = factsOf(sql)
      const isRefused = facts.some(fact => fact.kind === 'opaque')
      return truth.syntaxError === true ? !isRefused : facts.length !== truth.statementCount
    })
    expect(idsOf(wrong)).toEqual([])
  })

  test('every write without a bound that shows in the statement is flagged, and hardly another', () => {
    const isFlagged = ({ sql }: Case): boolean =>
      factsOf(sql).some(
        fact => fact.kind === 'understood' && fact.uses.some(use => use.kind === 'relation' && use.unbounded),
      )
    // What functions, rules and plans do doesn't show: they have to be unknown.
    const missed = cases.filter(one => one.truth.unboundedWrite === true && !isFlagged(one))
    expect(idsOf(missed.filter(({ sql }) => !effectsOfAll(sql).includes('unknown')))).toEqual([])
    expect(idsOf(cases.filter(one => one.truth.unboundedWrite !== true && isFlagged(one)))).toEqual([])
  })

  test('effects, relations, functions and bounds are the truth, or stricter', () => {
    const lacking = cases.flatMap(({ id, sql, truth }) => {
      const lacks = missing(truth, said(factsOf(sql, catalogs.get(id))))
      return lacks.length === 0 ? [] : [`${id}: ${lacks.join(', ')}`]
    })
    expect(lacking).toEqual([])
  })

  test('hardly anything is said that is not the truth', () => {
    const stricter = cases.flatMap(({ id, sql, truth }) => {
      const more = excess(truth, said(factsOf(sql, catalogs.get(id))))
      return more.length === 0 || truth.syntaxError === true ? [] : [id]
    })
    expect(stricter).toEqual([...STRICTER.keys()].sort())
    const exact = 1 - stricter.length / cases.length
    process.stdout.write(
      `disguise corpus: ${(100 * exact).toFixed(1)} % of ${cases.length} cases exact, the rest stricter\n`,
    )
    expect(exact).toBeGreaterThan(0.89)
  })

  test('what everyday clients send is classed as what it is', async () => {
    const more: readonly { readonly id: string; readonly sql: string }[] = await corpus('benign.more.json')
    const others = [...benign, ...more].flatMap(({ id, sql }) => {
      const effects = [...new Set(effectsOfAll(sql))].filter(effect => effect !== 'read').join(' ')
      return effects === '' ? [] : [`${id}: ${effects}`]
    })
    // Each is just that, but for FETCH and EXECUTE: what they run, only the session knows that they are sent in.
    expect(others).toEqual([
      'B-more-driver-asyncpg-jit: session',
      'B-more-driver-rails-time-zone: session',
      'B-more-driver-pgadmin-version: session',
      'B-more-syntax-upsert: write',
      'B-more-syntax-insert-returning: write',
      'B-more-syntax-update-from: write',
      'B-more-syntax-skip-locked: write',
      'B-more-syntax-advisory: session',
      'B-more-syntax-nextval: write',
      'B-more-orm-orm-insert-returning-id: write',
      'B-more-orm-orm-insert-many: write',
      'B-more-orm-orm-upsert-open: write',
      'B-more-orm-orm-delete-by-id: write',
      'B-more-orm-orm-delete-returning-id: write',
      'B-more-orm-orm-lock-row: transaction write',
      'B-more-orm-orm-lock-skip: transaction write',
      'B-more-orm-orm-transaction: transaction write',
      'B-more-orm-orm-soft-update-all: write',
      'B-more-orm-orm-update-from: write',
      'B-more-orm-orm-insert-default: write',
      'B-more-orm-orm-select-for-share: transaction write',
      'B-more-psql-cursor-names: transaction session unknown',
      'B-more-psql-cursor-masked: transaction session unknown',
      'B-more-psql-prepare-execute: session unknown',
      'B-more-psql-sequence-next: write',
      'B-more-agent-merge-open: write',
      'B-more-agent-with-update: write',
      'B-more-agent-insert-select-names: write',
    ])
  })
})
