import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog, unseen } from '../../test/small-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { postgresRewriter } from './rewrite/postgres-rewriter.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [15, 18], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const factsOf = (
  text: string,
  major: 15 | 18,
  functions: readonly string[] = [],
  operators: readonly string[] = [],
) => {
  const own = { userFunctions: unseen(...functions), userOperators: unseen(...operators) }
  const catalog = { ...smallCatalog({ major }), ...own }
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return facts
}

describe.each([15, 18] as const)('N1: the search path of PostgreSQL %i', major => {
  test.each([
    "SELECT pg_catalog.set_config('search_path', '', false);",
    "select set_config('search_path', '', false)",
    "/* a dump */ select set_config ( 'SEARCH_PATH' , '' , FALSE )",
  ])('can be emptied by %s', text => {
    const facts = factsOf(text, major)
    expect([facts.searchPath, facts.prohibitions]).toEqual(['emptied', []])
    expect(facts.uses.map(use => use.effect)).toEqual(['session'])
  })

  test.each([
    "select set_config('search_path', 'pg_temp', false)",
    "select set_config('search_path', '', true)",
    "select set_config('search_path', ' ', false)",
    "select set_config('search_path', null, false)",
    "select set_config('search_path', '', null)",
    "select set_config('search_path', '', 1 = 1)",
    "select set_config('search_path', '', 'f'::bool)",
    "select set_config('search_path', $1, false)",
    "select set_config('search_path', '', false), set_config('search_path', 'x', false)",
    "select set_config('search_path', '', false) from orders",
    "select set_config('search_path', '', false) where 1 = 2",
    "select set_config('search_path', '', false) limit 0",
    "select distinct set_config('search_path', '', false)",
    "select set_config('search_path', '', false) union all select set_config('search_path', 'x', false)",
    "with a as (select 1) select set_config('search_path', '', false)",
    "select set_config('search_path', '', false) into temp t",
    "select (set_config('search_path', '', false))::text",
    "select set_config('search_path', '', false) as a",
    "select set_config(setting_name => 'search_path', new_value => '', is_local => false)",
    "select set_config(variadic array['search_path', '', 'false'])",
    "select set_config('search_path', '', false) filter (where false)",
    "select set_config('search_path', '', false) over ()",
    "explain analyze select set_config('search_path', '', false)",
    "prepare p as select set_config('search_path', '', false)",
    "values (set_config('search_path', '', false))",
    "set search_path = ''",
    "select shop.set_config('search_path', '', false)",
  ])('is not emptied by %s', text => {
    const facts = factsOf(text, major)
    expect(facts.searchPath).toBe('kept')
    expect(facts.prohibitions.length + facts.uses.filter(use => use.effect === 'unknown').length).toBeGreaterThan(0)
  })

  test('is not emptied where set_config may be a function of the database', () => {
    const facts = factsOf("select set_config('search_path', '', false)", major, ['set_config'])
    expect([facts.searchPath, facts.prohibitions.map(({ code }) => code)]).toEqual(['kept', ['PINNED_SETTING']])
    expect(factsOf("select pg_catalog.set_config('search_path', '', false)", major, ['set_config']).searchPath).toBe(
      'emptied',
    )
  })

  test.each([
    "select set_config(name, 'view, foreign-table', false) from pg_settings where name = 'restrict_nonsystem_relation_kind'",
    "select set_config(name, 'on', false) from pg_catalog.pg_settings where name = 'enable_seqscan'",
  ])('a setting that is named by its row is known: %s', text => {
    expect(factsOf(text, major)).toMatchObject({ searchPath: 'kept', prohibitions: [] })
  })

  test.each([
    "select set_config(name, 'off', false) from pg_settings where name = 'standard_conforming_strings'",
    "select set_config(name, 'x', false) from pg_settings where name = 'SEARCH_PATH'",
    "select set_config(name, 'x', false) from pg_settings where name <> 'enable_seqscan'",
    "select set_config(name, 'x', false) from pg_settings where 'enable_seqscan' = name",
    "select set_config(name, 'x', false) from pg_settings where name = any ('{enable_seqscan}')",
    "select set_config(name, 'x', false) from pg_settings where name operator(shop.=) 'enable_seqscan'",
    "select set_config(name, 'x', false) from pg_settings where name = 'enable_seqscan' or true",
    "select set_config(name, 'x', false) from pg_settings",
    "select set_config(setting, 'x', false) from pg_settings where name = 'enable_seqscan'",
    "select set_config(name, 'x', false) from pg_settings where setting = 'enable_seqscan'",
    "select set_config(name, setting, false) from pg_settings where name = 'enable_seqscan'",
    "select set_config(name, 'x', false) from pg_settings as orders (category, name) where name = 'enable_seqscan'",
    "select set_config(name, 'x', false) from orders where name = 'enable_seqscan'",
    "select set_config(name, 'x', false) from shop.pg_settings where name = 'enable_seqscan'",
    "select set_config(name, 'x', false) from pg_settings, orders where name = 'enable_seqscan'",
    "with pg_settings as (select 'search_path' as name) select set_config(name, 'x', false) from pg_settings where name = 'enable_seqscan'",
  ])('a setting that is not known is prohibited: %s', text => {
    expect(factsOf(text, major).prohibitions).not.toEqual([])
  })

  test('a setting is not known by an operator of the database', () => {
    const text = "select set_config(name, 'on', false) from pg_settings where name = 'enable_seqscan'"
    expect(factsOf(text, major, [], ['=']).prohibitions).not.toEqual([])
  })

  const rewritten = (text: string, searchPath: readonly string[]) => {
    const rewrite = postgresRewriter({ grammar: classifier.grammar, limits: DEFAULT_LIMITS })
    const statement = { dialect: 'postgres' as const, text, params: [] }
    return rewrite(statement, factsOf(text, major), [], () => 'null', { ...smallCatalog({ major }), searchPath })
  }

  test('has pg_temp at its end even so', () => {
    expect(rewritten("select set_config('search_path', '', false)", ['public'])).toEqual({
      kind: 'rewritten',
      text: "SELECT ''::pg_catalog.text AS set_config FROM pg_catalog.set_config('search_path', 'pg_temp', false)",
    })
  })

  test.each([
    ['SELECT pg_catalog.current_schemas(false)', [], "SELECT '{}'::pg_catalog.name[] AS current_schemas"],
    ['SELECT pg_catalog.current_schemas(false)', ['public'], null],
    ['SELECT pg_catalog.current_schemas(true)', [], null],
    ['SELECT current_schemas(false)', [], null],
    ['SELECT pg_catalog.current_schemas(false), 1', [], null],
  ])('%s without a path hides pg_temp, %j', (text, path, sent) => {
    expect(rewritten(text, path)).toEqual({ kind: 'rewritten', text: sent ?? text })
  })
})
