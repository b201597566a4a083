import { describe, expect, test } from 'vitest'
import { decide } from '../decide.ts'
import type { Access, ColumnRole, ColumnUse, Effect, Facts, Use, UsedRelation } from '../facts.ts'
import type { Identity, Principal } from '../principal.ts'
import { compilePolicy } from './compile.ts'
import type { Surroundings } from './match-what.ts'
import { parsePolicy } from './parse.ts'

const place = { start: 0, end: 6 }
const target = { name: 'app', dialect: 'postgres' } as const
type Understood = Extract<Facts, { kind: 'understood' }>

const relation = (name: string, columns: readonly string[], of = name): UsedRelation => ({
  schema: 'public',
  name,
  oid: 1,
  kind: of === name ? 'table' : 'derived',
  columns: columns.map((column, index) => ({
    name: column,
    attnum: index + 1,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [
      { schema: 'public', name, column },
      { schema: 'public', name: of, column: column === 'secret' ? 'ssn' : column },
    ],
  })),
})
const people = relation('people', ['id', 'note', 'ssn'])
const view = relation('v_people', ['id', 'secret'], 'people')

const on = (of: UsedRelation, access: Access = 'select', more: Partial<Use> = {}): Use => {
  const effect: Effect = access === 'select' ? 'read' : access === 'ddl' ? 'ddl' : 'write'
  return { kind: 'relation', effect, access, relation: of, unbounded: false, place, ...more } as Use
}
const column = (name: string, role: ColumnRole = 'output', of = 'people'): ColumnUse => ({
  schema: 'public',
  name: of,
  column: name,
  role,
  place,
})
const facts = (uses: readonly Use[], more: Partial<Understood> = {}): Understood => ({
  kind: 'understood',
  tag: 'SELECT',
  uses,
  prohibitions: [],
  mentions: [],
  columns: [],
  outputs: [],
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: 'c',
  ...more,
})

const ada: Principal = {
  issuer: 'https://idp.example.com',
  subject: 'ada',
  groups: ['staff'],
  actor: null,
  expiresAt: 1,
  credentialDigest: null,
}
const bot: Identity = { issuer: 'https://idp.example.com', subject: 'bot', groups: ['ai-agents'] }

const EVERYTHING = { id: 'everything', decision: 'allow', what: { effects: ['read', 'write', 'ddl', 'unknown'] } }

/** What a policy decides: of one rule alone if it allows, beside an allow of everything if it denies. */
function ruled(
  rule: object & { readonly decision: string },
  given: Understood,
  more: { readonly as?: Principal; readonly now?: number; readonly surroundings?: Partial<Surroundings> } = {},
) {
  const rules = [{ id: 'rule', ...rule }, ...(rule.decision === 'allow' ? [] : [EVERYTHING])]
  const policy = compilePolicy(parsePolicy({ version: 1, rules }), { version: '1' })
  const { as = ada, ...rest } = more
  return decide(policy, { principal: as, target, facts: given, ...rest }).kind
}

const deny = (what: object) => ({ decision: 'deny', what })
const allow = (what: object) => ({ decision: 'allow', what: { effects: ['read', 'write', 'ddl'], ...what } })

describe('columns', () => {
  const noSsn = deny({ columns: ['public.people.ssn'] })
  const openOnly = allow({ columns: ['public.people.id', 'public.people.note'] })
  const both = (given: Understood) => [ruled(noSsn, given), ruled(openOnly, given)]
  const [through, stopped] = [
    ['allow', 'allow'],
    ['deny', 'deny'],
  ]

  test.each(['output', 'predicate', 'join', 'group', 'order', 'returning', 'set'] as const)(
    'are used, whatever for: %s',
    role => {
      expect(both(facts([on(people)], { columns: [column('id'), column('ssn', role)] }))).toEqual(stopped)
      expect(both(facts([on(people)], { columns: [column('id'), column('note', role)] }))).toEqual(through)
    },
  )

  test('none is used by a count of rows, where that is known', () => {
    expect(both(facts([on(people)]))).toEqual(through)
    expect(both(facts([on(people)], { outputs: null }))).toEqual(stopped)
    const outputs = [{ name: 'x', origins: [], lineage: 'unknown' as const }]
    expect(both(facts([on(people)], { outputs }))).toEqual(stopped)
  })

  test('T6: a whole row has them all, and so has what is done to rows, or by somebody else', () => {
    expect(both(facts([on(people)], { columns: [column('*')] }))).toEqual(stopped)
    for (const access of ['delete', 'truncate', 'ddl', 'maintain', 'lock'] as const)
      expect(both(facts([on(people, access)], { columns: [column('id')] }))).toEqual(stopped)
    const via = { kind: 'function', name: 'public.f' } as const
    expect(both(facts([on(people, 'select', { via })], { columns: [column('id')] }))).toEqual(stopped)
  })

  test('P11: code that writes may assign to any column, whatever it reads to do so', () => {
    const via = { kind: 'function', name: 'public.f' } as const
    for (const access of ['update', 'insert', 'delete'] as const)
      for (const columns of [[], ['id']])
        expect(both(facts([on(relation('people', columns), access, { via })]))).toEqual(stopped)
    expect(both(facts([on(relation('people', ['id']), 'select', { via })]))).toEqual(through)
    expect(ruled(allow({ columns: ['public.people.*'] }), facts([on(people, 'update', { via })]))).toBe('allow')
    expect(ruled(deny({ columns: ['public.other.*'] }), facts([on(people, 'update', { via })]))).toBe('allow')
  })

  test('P11: a view that code writes to, and of which it reads nothing, may show any', () => {
    const via = { kind: 'function', name: 'public.f' } as const
    const nothingRead = { ...relation('v_people', [], 'people') }
    expect(ruled(noSsn, facts([on(nothingRead, 'insert', { via })]))).toBe('deny')
    expect(ruled(noSsn, facts([on({ ...view, columns: view.columns.slice(0, 1) }, 'select', { via })]))).toBe('allow')
  })

  test('P11: a view shows the columns that it reads, by other names too', () => {
    const secret = facts([on(view)], { columns: [column('secret', 'output', 'v_people')] })
    expect(ruled(noSsn, secret)).toBe('deny')
    expect(ruled(noSsn, facts([on(view)], { columns: [column('id', 'output', 'v_people')] }))).toBe('allow')
    // An allow of the table's columns is none of the view's.
    expect(ruled(openOnly, facts([on(view)], { columns: [column('id', 'output', 'v_people')] }))).toBe('deny')
  })

  test('a write touches what it assigns to, and what it reads to do so', () => {
    const update = (...columns: readonly ColumnUse[]) => facts([on(people, 'update')], { tag: 'UPDATE', columns })
    expect(both(update(column('note', 'target'), column('id', 'predicate')))).toEqual(through)
    expect(both(update(column('ssn', 'target')))).toEqual(stopped)
    expect(both(update(column('note', 'target'), column('ssn', 'set')))).toEqual(stopped)
    expect(both(update(column('note', 'target'), column('ssn', 'predicate')))).toEqual(stopped)
    // No target is known of: it could be any.
    expect(both(update(column('id', 'predicate')))).toEqual(stopped)
    const withReader = facts([on(people, 'update'), on(people)], {
      columns: [column('note', 'target'), column('ssn', 'output')],
    })
    expect(both(withReader)).toEqual(stopped)
  })

  test('of a relation that the schema does not know, any could be meant', () => {
    const unknown = relation('people', [])
    expect(ruled(noSsn, facts([on(unknown)], { columns: [column('*')] }))).toBe('deny')
    expect(ruled(deny({ columns: ['hr.*.ssn'] }), facts([on(unknown)], { columns: [column('*')] }))).toBe('allow')
    expect(ruled(openOnly, facts([on(unknown)], { columns: [column('*')] }))).toBe('deny')
    expect(ruled(allow({ columns: ['public.people.*'] }), facts([on(unknown)], { columns: [column('*')] }))).toBe(
      'allow',
    )
  })

  test('of the same name in another relation they are others', () => {
    const two = facts([on(people), on(relation('other', ['ssn']))], {
      columns: [column('id'), column('ssn', 'output', 'other')],
    })
    expect(ruled(noSsn, two)).toBe('allow')
    expect(ruled(openOnly, two)).toBe('deny')
  })
})

describe('tags', () => {
  const cte = facts([on(people), on(people, 'delete')])
  test('P11: a DELETE within a SELECT is a DELETE', () => {
    expect(ruled(deny({ tags: ['DELETE'] }), cte)).toBe('deny')
    expect(ruled(allow({ tags: ['SELECT'] }), cte)).toBe('deny')
    expect(ruled(allow({ tags: ['SELECT', 'DELETE'] }), cte)).toBe('allow')
    expect(ruled(allow({ tags: ['SELECT'] }), facts([on(people)]))).toBe('allow')
  })

  test('P11: SELECT INTO makes a table, and EXPLAIN is no cover for what it explains', () => {
    const into = facts([on(people), on(relation('new', []), 'ddl')])
    expect(ruled(deny({ tags: ['CREATE *'] }), into)).toBe('deny')
    expect(ruled(allow({ tags: ['SELECT'] }), into)).toBe('deny')
    const explained = facts([on(people, 'update')], { tag: 'EXPLAIN' })
    expect(ruled(deny({ tags: ['UPDATE'] }), explained)).toBe('deny')
    expect(ruled(allow({ tags: ['EXPLAIN'] }), explained)).toBe('deny')
  })

  test('P11: what a statement within does, or code that it sets off, has the tag of that', () => {
    const via = { kind: 'function', name: 'public.f' } as const
    const merge = facts([on(people, 'update', { tag: 'MERGE' })])
    const drop = facts([on(people, 'ddl', { tag: 'DROP TABLE', via })])
    const made = facts([on(people, 'ddl', { tag: 'CREATE VIEW' })], { tag: 'CREATE SCHEMA' })
    expect([merge, drop, made].map(each => ruled(deny({ tags: ['MERGE', 'DROP *', '* VIEW'] }), each))).toEqual(
      Array.from({ length: 3 }, () => 'deny'),
    )
    expect(ruled(allow({ tags: ['SELECT', 'UPDATE'] }), merge)).toBe('deny')
    expect(ruled(allow({ tags: ['SELECT', 'CREATE TABLE AS'] }), drop)).toBe('deny')
    expect(ruled(allow({ tags: ['SELECT', 'DROP TABLE'] }), drop)).toBe('allow')
    const copied = facts([on(people, 'insert')], { tag: 'COPY' })
    expect(ruled(deny({ tags: ['INSERT'] }), { ...copied, copy: 'out' })).toBe('deny')
    expect(ruled(deny({ tags: ['INSERT'] }), { ...copied, copy: 'in' })).toBe('allow')
  })

  test('take wildcards, and are written in any case', () => {
    const drop = facts([on(people, 'ddl')], { tag: 'DROP TABLE' })
    expect(ruled(deny({ tags: ['drop *'] }), drop)).toBe('deny')
    expect(ruled(deny({ tags: ['DROP VIEW', 'TRUNCATE TABLE'] }), drop)).toBe('allow')
  })
})

test('via: what a trigger does is not what the statement does, nor the other way round', () => {
  const audit = relation('audit', ['id'])
  const byTrigger = facts([
    on(people, 'insert'),
    on(audit, 'insert', { via: { kind: 'trigger', name: 'public.people.audit' } }),
  ])
  const direct = facts([on(audit, 'insert')])
  const noHands = deny({ relations: ['public.audit'], via: ['statement', 'function'] })
  expect([ruled(noHands, byTrigger), ruled(noHands, direct)]).toEqual(['allow', 'deny'])
  const onlyTriggers = allow({ relations: ['public.audit'], via: ['trigger'] })
  expect(ruled(onlyTriggers, direct)).toBe('deny')
})

describe('what is not known counts against allowing', () => {
  const read = facts([on(people)])
  const ask = (what: object, surroundings: Partial<Surroundings>) => [
    ruled(allow(what), read, { surroundings }),
    ruled(deny(what), read, { surroundings }),
  ]
  test.each([
    [{ 'in-transaction': true }, { inTransaction: true }, { inTransaction: false }],
    [{ 'multi-statement': false }, { multiStatement: false }, { multiStatement: true }],
    [{ 'estimated-rows': { over: 10 } }, { estimatedRows: 11 }, { estimatedRows: 10 }],
    [{ 'estimated-rows': { 'at-most': 10 } }, { estimatedRows: 10 }, { estimatedRows: 11 }],
  ])('%j', (what, fitting, other) => {
    expect(ask(what, fitting)).toEqual(['allow', 'deny'])
    expect(ask(what, other)).toEqual(['deny', 'allow'])
    expect(ask(what, {})).toEqual(['deny', 'deny'])
  })

  test('an estimate that is no number is none', () => {
    expect(ask({ 'estimated-rows': { over: 10 } }, { estimatedRows: Number.NaN })).toEqual(['deny', 'deny'])
  })

  test('F14: nor is the time, where the clock fails', () => {
    const when = { zone: 'UTC', from: '00:00', to: '12:00' }
    const at = (decision: string, now: number | undefined) =>
      ruled({ decision, on: { when }, what: { effects: ['read'] } }, read, now === undefined ? {} : { now })
    expect([at('allow', 0), at('deny', 0)]).toEqual(['allow', 'deny'])
    expect([at('allow', 13 * 3_600_000), at('deny', 13 * 3_600_000)]).toEqual(['deny', 'allow'])
    for (const now of [Number.NaN, Infinity, undefined])
      expect([at('allow', now), at('deny', now)]).toEqual(['deny', 'deny'])
  })
})

test('a rule for some time holds for that time, in a policy that decides again and again', () => {
  const rule = { id: 'r', decision: 'allow', on: { from: '1970-01-01T00:00:01Z', until: '1970-01-01T00:00:02Z' } }
  const policy = compilePolicy(parsePolicy({ version: 1, rules: [{ ...rule, what: { effects: ['read'] } }] }), {
    version: '1',
  })
  const at = (now: number) => decide(policy, { principal: ada, target, facts: facts([on(people)]), now }).kind
  // A clock that is set back too.
  expect([0, 999, 1_000, 1_999, 2_000, 1_500, 10].map(at)).toEqual([
    'deny',
    'deny',
    'allow',
    'allow',
    'deny',
    'allow',
    'deny',
  ])
})

describe('claims', () => {
  const finance = {
    decision: 'allow',
    who: { claims: { department: ['finance', 'legal'] } },
    what: { effects: ['read'] },
  }
  const read = facts([on(people)])
  const having = (name: string, ...values: readonly (string | number | boolean)[]): Principal => ({
    ...ada,
    claims: [{ name, values }],
  })

  test('one of the values is enough, and must be the whole of it and of its kind', () => {
    expect(ruled(finance, read, { as: having('department', 'hr', 'legal') })).toBe('allow')
    for (const value of ['Finance', 'finance ', 'fınance', 'finance,legal', true, 1])
      expect(ruled(finance, read, { as: having('department', value) })).toBe('deny')
    const verified = { ...finance, who: { claims: { verified: true } } }
    expect(ruled(verified, read, { as: having('verified', true) })).toBe('allow')
    for (const value of ['true', 1, 'True'])
      expect(ruled(verified, read, { as: having('verified', value) })).toBe('deny')
  })

  test('I2: of a name that objects inherit there is none unless the token has it', () => {
    const proto = { ...finance, who: { claims: JSON.parse('{ "__proto__": "finance", "a": 1 }') } }
    expect(() => ruled(proto, read)).toThrow('must not name __proto__')
    for (const name of ['constructor', 'toString']) {
      const rule = { ...finance, who: { claims: JSON.parse(`{ ${JSON.stringify(name)}: "finance" }`) } }
      expect(ruled(rule, read)).toBe('deny')
      expect(ruled(rule, read, { as: having('department', 'finance') })).toBe('deny')
      expect(ruled(rule, read, { as: having(name, 'finance') })).toBe('allow')
    }
  })

  test('of a person are not those of the agent that acts for them', () => {
    const as: Principal = { ...having('department', 'finance'), actor: bot }
    expect(ruled(finance, read, { as })).toBe('deny')
    expect(ruled(finance, read, { as: { ...as, actor: { ...bot, claims: as.claims ?? [] } } })).toBe('allow')
  })
})

describe('actor', () => {
  const read = facts([on(people)])
  const rule = (who: object, decision = 'allow') => ({ decision, who, what: { effects: ['read'] } })
  const viaBot: Principal = { ...ada, actor: bot }
  const asBot: Principal = { ...bot, actor: null, expiresAt: 1, credentialDigest: null }
  const answers = (who: object, decision?: string) =>
    [ada, viaBot, asBot].map(as => ruled(rule(who, decision), read, { as }))

  test('asks who acts, and not who is asked for', () => {
    expect(answers({ actor: 'none' })).toEqual(['allow', 'deny', 'allow'])
    expect(answers({ actor: 'any' })).toEqual(['deny', 'allow', 'deny'])
    expect(answers({ actor: { groups: ['ai-agents'] } })).toEqual(['deny', 'allow', 'deny'])
    expect(answers({ actor: { groups: ['staff'] } })).toEqual(['deny', 'deny', 'deny'])
    expect(answers({ actor: { groups: ['ai-agents'] } }, 'deny')).toEqual(['allow', 'deny', 'allow'])
    expect(answers({ actor: 'none' }, 'deny')).toEqual(['deny', 'allow', 'deny'])
  })

  test('what a person gets through an agent is theirs alone: the agent needs a rule of its own', () => {
    const throughBot = { groups: ['staff'], actor: { groups: ['ai-agents'] } }
    expect(answers(throughBot)).toEqual(['deny', 'deny', 'deny'])
    const policy = compilePolicy(
      parsePolicy({
        version: 1,
        rules: [
          { id: 'person', ...rule(throughBot) },
          { id: 'agent', ...rule({ groups: ['ai-agents'] }) },
        ],
      }),
      { version: '1' },
    )
    const kinds = [ada, viaBot].map(principal => decide(policy, { principal, target, facts: read }).kind)
    expect(kinds).toEqual(['deny', 'allow'])
  })

  test('unless is not for those who come by an agent where it says none', () => {
    const masks = [{ columns: ['public.people.ssn'], with: 'redact', unless: { groups: ['staff'], actor: 'none' } }]
    const rules = [{ id: 'all', decision: 'allow', what: { effects: ['read'] } }]
    const policy = compilePolicy(parsePolicy({ version: 1, rules, masks }), { version: '1' })
    const masked = (principal: Principal) => {
      const decision = decide(policy, { principal, target, facts: read })
      return decision.kind === 'allow' && decision.obligations.masks.length > 0
    }
    expect([ada, { ...ada, actor: { ...bot, groups: ['staff'] } }].map(masked)).toEqual([false, true])
  })
})
