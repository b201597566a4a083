import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import { alwaysMasks, check, neverAllows, noDeadRules, requiresApproval } from '@querywarden/policy-testing'
import { DEFAULT_LIMITS, postgresClassifier, postgresRewriter, readCatalog } from '@querywarden/sql/postgres'

const read = name => readFileSync(new URL(name, import.meta.url), 'utf8')
const catalog = readCatalog(read('app.catalog.json'))
const sql = await postgresClassifier({ majors: [catalog.major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
const engine = {
  policy: readPolicyYaml(read('policy.yaml'), { file: 'policy.yaml' }),
  catalog,
  classify: sql.classify,
  rewrite: postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS }),
  target: 'app',
}
const agents = { groups: ['ai-agents'] }

test('agents never see payments', () => check(neverAllows(engine, { as: agents, relations: ['public.payments'] })))

test('agents never change the schema, rights or settings', () =>
  check(neverAllows(engine, { as: agents, effects: ['ddl', 'dcl', 'session', 'external'], evenApproved: true })))

test('agents change nothing without the order desk', () =>
  check(requiresApproval(engine, { as: agents, effects: ['write'], approvers: ['order-desk'] })))

test('agents never change a whole table, not even with approval', () =>
  check(neverAllows(engine, { as: agents, unbounded: true, evenApproved: true })))

test('agents see no tax number', () => check(alwaysMasks(engine, { as: agents, columns: ['public.customers.ssn'] })))

test('every rule is there for something', () => check(noDeadRules(engine, { except: [] })))
