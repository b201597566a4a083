import { readFileSync } from 'node:fs'
import { type Catalog, type CompiledPolicy, type DecisionRequest, decide } from '@querywarden/policy-core'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import {
  alwaysMasks,
  check,
  type Engine,
  equivalent,
  type Invariant,
  InvariantError,
  livesOfRules,
  monotone,
  neverAllows,
  noDeadRules,
  requiresApproval,
} from '@querywarden/policy-testing'
import {
  DEFAULT_LIMITS,
  type PostgresClassifier,
  postgresClassifier,
  postgresRewriter,
  readCatalog,
} from '@querywarden/sql/postgres'
import { beforeAll, describe, expect, test } from 'vitest'

const catalog: Catalog = readCatalog(
  readFileSync(new URL('../../../examples/policy-tests/app.catalog.json', import.meta.url), 'utf8'),
)
const SEED = 7
const AGENTS = { groups: ['ai-agents'] }

let sql: PostgresClassifier
beforeAll(async () => {
  sql = await postgresClassifier({ majors: [18], cacheEntriesMax: 10_000, limits: DEFAULT_LIMITS })
})

const engineFor = (rules: string, masks = ''): Engine => ({
  policy: readPolicyYaml(`version: 1\nrules:\n${rules}\n${masks}`, { file: 'policy.yaml' }),
  catalog,
  classify: sql.classify,
  rewrite: postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS }),
  target: 'app',
})

/** The counterexample that breaks an invariant, with what is told of it. */
async function brokenBy(invariant: Invariant): Promise<{ readonly statement: string; readonly message: string }> {
  try {
    await check(invariant, { seed: SEED })
  } catch (error) {
    if (error instanceof InvariantError && error.code === 'BROKEN')
      return { statement: error.counterexample?.statement ?? '', message: error.message }
    throw error
  }
  throw new Error(`nothing breaks: ${invariant.name}`)
}

const READ = `  - { id: agents-read, decision: allow, who: { groups: [ai-agents] }, what: { effects: [read] } }`
const MASK = `masks: [{ columns: ["public.customers.ssn"], with: redact, unless: { groups: [pii-readers] } }]`
const asks = (group: string): string =>
  `  - { id: ask, decision: approve, who: { groups: [ai-agents] }, what: { effects: [write] }, approval: { approvers: { groups: [${group}] }, expires: 5m } }`

describe('neverAllows', () => {
  test('tells what is wrong: the statement, who asks, the answer, the rules, the seed', async () => {
    const engine = engineFor(`${READ}
  - { id: oops, decision: allow, who: { groups: [ai-agents] }, what: { effects: [write], relations: ["public.orders"] } }`)
    const { message } = await brokenBy(neverAllows(engine, { as: AGENTS, effects: ['write'] }))
    expect(message).toMatchInlineSnapshot(`
      "never allows: broken
        statement  INSERT INTO public.orders (id) VALUES (0)
        as         somebody of https://issuer.example.com; in ai-agents
        wrong      this must never be allowed
        answer     allow
                   INSERT: write
                     allow    insert on public.orders, by oops (bytes 12-25)
        repeat     { seed: 7 }, found at try 3"
    `)
  })

  test.each([
    ['a whole effect', `{ effects: [read, write] }`, { effects: ['write'] as const }],
    [
      'one relation among many',
      `{ effects: [write], relations: ["public.payments"] }`,
      { effects: ['write'] as const },
    ],
    ['one access', `{ effects: [write], access: [truncate] }`, { access: ['truncate'] as const }],
    [
      'one access that hides among others',
      `{ effects: [write], access: [insert, truncate] }`,
      { access: ['truncate'] as const },
    ],
    ['what is unbounded', `{ effects: [write], access: [delete] }`, { unbounded: true }],
    ['definitions', `{ effects: [ddl], relations: ["*.orders"] }`, { effects: ['ddl'] as const }],
    ['rights', `{ effects: [dcl] }`, { effects: ['dcl'] as const }],
    ['a column', `{ effects: [read], relations: ["public.customers"] }`, { columns: ['*.customers.ssn'] }],
    [
      'a column through a view',
      `{ effects: [read], relations: ["public.contacts"] }`,
      { columns: ['*.customers.ssn'] },
    ],
    ['a function', `{ effects: [session], functions: ["pg_catalog.pg_sl*"] }`, { functions: ['pg_catalog.pg_sleep'] }],
    ['a function of files', `{ effects: [external] }`, { functions: ['pg_catalog.pg_read_file'] }],
  ])('finds %s that is allowed, and brings it down to a small statement', async (_, what, selection) => {
    const engine = engineFor(`  - { id: r, decision: allow, who: { groups: [ai-agents] }, what: ${what} }`)
    const { statement } = await brokenBy(neverAllows(engine, { as: AGENTS, ...selection }))
    expect(statement.length).toBeLessThan(60)
    expect(statement).not.toMatch(/join|where|select.*select/i)
  })

  test.each([
    ['a subject', `who: { subjects: [bob] }`, {}],
    ['a claim', `who: { claims: { team: blue } }`, {}],
    [
      'an hour',
      `who: { groups: [ai-agents] }, on: { when: { days: [sun], from: "03:00", to: "04:00", zone: UTC } }`,
      {},
    ],
    ['a condition around it', `who: { groups: [ai-agents] }`, { inTransaction: true }],
  ])('finds what only %s is allowed', async (_, rest, what) => {
    const extra = 'inTransaction' in what ? ', in-transaction: true' : ''
    const engine = engineFor(`  - { id: r, decision: allow, ${rest}, what: { effects: [write]${extra} } }`)
    const { statement } = await brokenBy(neverAllows(engine, { as: AGENTS, effects: ['write'] }))
    expect(statement.length).toBeLessThan(60)
  })

  test('passes a policy that keeps it, and reads an approval as asked', async () => {
    const engine = engineFor(`${READ}\n${asks('dba')}`)
    await check(neverAllows(engine, { as: AGENTS, effects: ['write'] }), { seed: SEED })
    await check(neverAllows(engine, { as: { groups: ['others'] } }), { seed: SEED })
    const { statement } = await brokenBy(neverAllows(engine, { as: AGENTS, effects: ['write'], evenApproved: true }))
    expect(statement.length).toBeLessThan(60)
  })

  test('says that it tested nothing where nothing is what it is about', async () => {
    const engine = engineFor(READ)
    const search = check(neverAllows(engine, { as: AGENTS, relations: ['public.custommers'] }), { seed: SEED })
    await expect(search).rejects.toMatchObject({ code: 'UNTESTED' })
  })
})

describe('alwaysMasks', () => {
  const ssn = { as: AGENTS, columns: ['public.customers.ssn'] }

  test.each([
    ['no mask at all', ''],
    ['a mask on another column', `masks: [{ columns: ["public.customers.email"], with: email }]`],
    ['a mask that others have', `masks: [{ columns: ["*.*.ssn"], with: redact, who: { groups: [interns] } }]`],
    [
      'a mask that these are spared',
      `masks: [{ columns: ["*.*.ssn"], with: redact, unless: { groups: [ai-agents] } }]`,
    ],
    ['a mask on another target', `masks: [{ columns: ["*.*.ssn"], with: redact, on: { targets: [other] } }]`],
  ])('finds %s', async (_, masks) => {
    const { statement, message } = await brokenBy(alwaysMasks(engineFor(READ, masks), ssn))
    expect(statement.length).toBeLessThan(50)
    expect(message).toContain('wrong')
  })

  test('finds a change that copies the column where it can be read', async () => {
    const engine = engineFor(`  - { id: r, decision: allow, who: { groups: [ai-agents] }, what: { effects: [write] } }`)
    const { statement } = await brokenBy(alwaysMasks(engine, ssn))
    expect(statement).toMatch(/^(UPDATE|DELETE|INSERT)/)
    expect(statement.length).toBeLessThan(90)
  })

  test('finds an engine that sends the column unmasked all the same', async () => {
    const careless: Engine = {
      ...engineFor(READ, MASK),
      rewrite: ({ text }) => ({ kind: 'rewritten', text }),
    }
    const { message } = await brokenBy(alwaysMasks(careless, ssn))
    expect(message).toContain('public.customers.ssn is read unmasked by what would be sent')
  })

  test('passes a policy that keeps it', async () => {
    await check(alwaysMasks(engineFor(READ, MASK), ssn), { seed: SEED })
  })
})

describe('requiresApproval', () => {
  const writes = { as: AGENTS, effects: ['write'] as const }

  test.each([
    [
      'an allow beside the approve',
      `${asks('dba').replace('write]', 'write], relations: ["*.orders"]')}\n  - { id: a, decision: allow, what: { effects: [write], relations: ["*.payments"] } }`,
      /is allowed|must not be allowed/,
    ],
    ['nothing but an allow', `  - { id: a, decision: allow, what: { effects: [write] } }`, /must not be allowed/],
    ['nothing that asks', READ, /all of the statements that this is about are refused/],
    ['other approvers', asks('interns'), /may be approved by people outside of dba/],
  ])('finds %s', async (_, rules, told) => {
    const { message } = await brokenBy(requiresApproval(engineFor(rules), { ...writes, approvers: ['dba'] }))
    expect(message).toMatch(told)
  })

  test('passes a policy that keeps it', async () => {
    const engine = engineFor(`${READ}\n${asks('dba')}`)
    await check(requiresApproval(engine, { ...writes, approvers: ['dba'] }), { seed: SEED })
  })
})

describe('monotone', () => {
  /** Ways to decide that are wrong: each reads `decide` over another set of rules. */
  const reading =
    (change: (rules: CompiledPolicy['policy']['rules']) => CompiledPolicy['policy']['rules']) =>
    (policy: CompiledPolicy, request: DecisionRequest) => {
      const kept = change(policy.policy.rules)
      const last = policy.policy.rules.at(-1)
      const decision = decide(policy, request)
      if (kept.length % 2 === 0 || last === undefined || decision.kind !== 'deny') return decision
      const obligations = { masks: [], detect: [], limits: { rowsMax: null, bytesMax: null, timeMsMax: null } }
      return { kind: 'allow', obligations, reasons: decision.reasons } as const
    }

  test('finds a way to decide by which an added deny permits more', async () => {
    const engine: Engine = { ...engineFor(`${READ}\n${asks('dba')}`), decide: reading(rules => rules) }
    const { message } = await brokenBy(monotone(engine, { groups: false }))
    expect(message).toMatch(/with a deny of|without rule/)
  })

  test.each([
    [
      'a deny to a group',
      `${READ}\n  - { id: d, decision: deny, who: { groups: [contractors] }, what: { effects: [read] } }`,
      '',
    ],
    ['a mask for a group', READ, `masks: [{ columns: ["*.*.ssn"], with: redact, who: { groups: [contractors] } }]`],
  ])('finds %s that one gets rid of by leaving it', async (_, rules, masks) => {
    const { message } = await brokenBy(monotone(engineFor(rules, masks), { groups: true }))
    expect(message).toContain('outside of contractors')
  })

  test('passes policies that keep it', async () => {
    const engine = engineFor(`${READ}\n${asks('dba')}`, MASK)
    await check(monotone(engine, { groups: false }), { seed: SEED, numRuns: 300 })
    await check(monotone(engineFor(`${READ}\n${asks('dba')}`), { groups: true }), { seed: SEED, numRuns: 300 })
  })
})

describe('noDeadRules', () => {
  test('tells what is proved from what was not seen', async () => {
    const engine = engineFor(`${READ}
  - { id: misspelt, decision: allow, who: { groups: [ai-agents] }, what: { effects: [write], relations: ["public.custommers"] } }
  - { id: elsewhere, decision: allow, on: { targets: [other] }, what: { effects: [write] } }`)
    const { message } = await brokenBy(noDeadRules(engine, { except: [] }))
    expect(message).toContain('rule misspelt is dead: none of its relations is in the catalog')
    expect(message).toContain('rule elsewhere was not seen to decide in 1000 tries')
    expect(message).not.toContain('agents-read')
    await check(noDeadRules(engine, { except: ['misspelt', 'elsewhere'] }), { seed: SEED })
  })

  test('finds what each rule of a policy is for, needles too', async () => {
    const engine = engineFor(`${READ}
  - { id: dcl, decision: deny, what: { effects: [dcl] } }
  - { id: sleep, decision: deny, what: { functions: ["pg_catalog.pg_sleep"] } }
  - { id: truncate, decision: deny, what: { access: [truncate], relations: ["public.payments"] } }
  - { id: bob, decision: allow, who: { subjects: [bob], groups: [night-shift] }, what: { effects: [maintenance] } }
  - { id: sunday, decision: allow, who: { groups: [batch] }, on: { when: { days: [sun], from: "03:00", to: "04:00", zone: Europe/Berlin } }, what: { effects: [write], relations: ["*.orders"] } }
  - { id: unknown, decision: deny, what: { effects: [unknown] } }
  - { id: wide, decision: approve, who: { groups: [batch] }, what: { effects: [write], estimated-rows: { over: 1000 } }, approval: { approvers: { groups: [dba] }, expires: 5m } }`)
    const lives = await livesOfRules(engine, { seed: SEED })
    expect(lives.filter(({ kind }) => kind !== 'alive')).toEqual([])
  })
})

describe('equivalent', () => {
  test.each([
    ['one effect less', READ.replace('[read]', '[session]'), ''],
    [
      'a rule for one subject more',
      `${READ}\n  - { id: b, decision: allow, who: { subjects: [bob] }, what: { effects: [ddl] } }`,
      MASK,
    ],
    ['no mask', READ, ''],
    ['another mask', READ, MASK.replace('redact', '"null"')],
    ['a limit', READ, `${MASK}\nlimits: [{ who: { groups: [ai-agents] }, rows: 10 }]`],
  ])('finds %s', async (_, rules, masks) => {
    const { message } = await brokenBy(equivalent(engineFor(READ, MASK), engineFor(rules, masks).policy))
    expect(message).toContain('the other policy')
  })

  test('passes the same said otherwise', async () => {
    const split = `  - { id: z, decision: allow, who: { groups: [ai-agents] }, what: { effects: [read] } }
  - { id: a, decision: deny, who: { groups: [nobody-at-all] }, what: { effects: [external, dcl] } }`
    await check(equivalent(engineFor(READ, MASK), engineFor(split, MASK).policy), { seed: SEED })
  })
})
