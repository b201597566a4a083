import { describe, expect, test } from 'vitest'
import { decide } from './decide.ts'
import type { Access, ColumnRole, Effect, Facts, UsedRelation } from './facts.ts'
import { ON_MASK } from './mask.ts'
import { compilePolicy } from './policy/compile.ts'
import { parsePolicy } from './policy/parse.ts'
import type { Principal } from './principal.ts'

const place = { start: 0, end: 6 }
const target = { name: 'app', dialect: 'postgres' } as const

const principal = (groups: readonly string[], actor: Principal['actor'] = null): Principal => ({
  issuer: 'https://idp.example.com',
  subject: 'ada',
  groups,
  actor,
  expiresAt: 1,
  credentialDigest: null,
})

const relation = (name: string, columns: readonly string[], kind: UsedRelation['kind'] = 'table'): UsedRelation => ({
  schema: 'public',
  name,
  oid: 1,
  kind,
  columns: columns.map((column, index) => ({
    name: column,
    attnum: index + 1,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [{ schema: 'public', name: kind === 'derived' ? 'customers' : name, column }],
  })),
})

const customers = relation('customers', ['id', 'name', 'ssn'])
const orders = relation('orders', ['id', 'customer_id', 'total'])
const view = relation('v_customers', ['id', 'ssn'], 'derived')

type Understood = Extract<Facts, { kind: 'understood' }>
const facts = (uses: Understood['uses'], more: Partial<Understood> = {}): Understood => ({
  kind: 'understood',
  tag: 'SELECT',
  uses,
  prohibitions: [],
  mentions: [],
  columns: [],
  outputs: null,
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: 'c1',
  ...more,
})
const on = (of: UsedRelation, effect: Effect = 'read', access: Access = 'select', unbounded = false) =>
  ({ kind: 'relation', effect, access, relation: of, unbounded, place }) as const
const call = (name: string, effect: Effect) => ({ kind: 'function', effect, function: name, why: '', place }) as const
const act = (why: string, effect: Effect) => ({ kind: 'statement', effect, why, place }) as const

const rules = {
  read: { id: 'read', decision: 'allow', what: { effects: ['read'], relations: ['public.*'] } },
  write: { id: 'write', decision: 'allow', what: { effects: ['write'] } },
  ask: {
    id: 'ask',
    decision: 'approve',
    what: { effects: ['write'], relations: ['public.orders'] },
    approval: { approvers: { groups: ['dba'] }, expires: '10m' },
  },
  noDdl: {
    id: 'no-ddl',
    decision: 'deny',
    what: { effects: ['ddl'] },
    reason: 'Schema changes go through migrations.',
  },
  noUnbounded: { id: 'no-unbounded', decision: 'deny', what: { unbounded: true } },
}

const ruling = (
  policyRules: readonly unknown[],
  given: Facts,
  more: { masks?: unknown; limits?: unknown; as?: Principal } = {},
) => {
  const { as = principal(['agents']), ...rest } = more
  const policy = compilePolicy(parsePolicy({ version: 1, rules: policyRules, ...rest }), { version: 'v1' })
  return decide(policy, { principal: as, target, facts: given })
}

describe('what a rule says of a use', () => {
  const unnamed = { id: 'all', decision: 'allow', what: { access: ['select'] } }
  const namesUnknown = { id: 'all', decision: 'allow', what: { effects: ['unknown'] } }
  const calls = { id: 'calls', decision: 'allow', what: { functions: ['public.*'] } }
  const noCalls = { id: 'no-calls', decision: 'deny', what: { functions: ['pg_catalog.pg_sleep'] } }
  const readAll = { id: 'all', decision: 'allow', what: { effects: ['read', 'external'] } }
  const bounded = { id: 'bounded', decision: 'allow', what: { unbounded: false } }

  test.each([
    ['a select of an allowed relation', [rules.read], facts([on(customers)]), 'allow'],
    ['a write where only reads are', [rules.read], facts([on(orders, 'write', 'update')]), 'deny'],
    ['an approve beats an allow', [rules.write, rules.ask], facts([on(orders, 'write', 'update')]), 'approve'],
    [
      'a deny beats both',
      [rules.write, rules.ask, rules.noUnbounded],
      facts([on(orders, 'write', 'update', true)]),
      'deny',
    ],
    [
      'a bounded write passes the same rules',
      [rules.write, rules.noUnbounded],
      facts([on(orders, 'write', 'update')]),
      'allow',
    ],
    ['unbounded: false allows bounded uses', [bounded], facts([on(orders, 'write', 'update')]), 'allow'],
    ['unbounded: false allows no other', [bounded], facts([on(orders, 'write', 'update', true)]), 'deny'],
    ['the strictest use decides', [rules.read], facts([on(customers), on(orders, 'write', 'delete')]), 'deny'],
    ['select 1 under an allow by relation', [rules.read], facts([act('reads nothing', 'read')]), 'allow'],
    [
      'a function that reads, under the same',
      [rules.read],
      facts([call('pg_catalog.current_setting', 'read')]),
      'allow',
    ],
    [
      'a write without a relation, under an allow by relation',
      [{ ...rules.ask, decision: 'allow', approval: undefined }],
      facts([act('writes', 'write')]),
      'deny',
    ],
    ['an approve by relation needs a relation', [rules.ask], facts([act('writes', 'write')]), 'deny'],
    ['unknown under a rule that names no effect', [unnamed], facts([on(customers, 'unknown')]), 'deny'],
    ['unknown under a rule that names it', [namesUnknown], facts([call('f', 'unknown')]), 'allow'],
    ['a named function', [calls], facts([call('public.charge', 'write')]), 'allow'],
    ['E4: a function of unknown schema is none that an allow names', [calls], facts([call('charge', 'write')]), 'deny'],
    [
      'E4: a function of unknown schema may be one that a deny names',
      [readAll, noCalls],
      facts([call('pg_sleep', 'external')]),
      'deny',
    ],
    [
      'a function whose name has a dot is not read in the allow’s favour',
      [calls],
      facts([call('public.a.b', 'write')]),
      'deny',
    ],
    ['no uses', [rules.read], facts([]), 'deny'],
  ])('%s', (_, policyRules, given, kind) => {
    expect(ruling(policyRules, given).kind).toBe(kind)
  })
})

describe('refusals say what, why and what to do', () => {
  test('by a rule, with its reason', () => {
    const decision = ruling([rules.read, rules.noDdl], facts([on(orders, 'ddl', 'ddl')], { tag: 'DROP TABLE' }))
    expect(decision).toMatchObject({
      kind: 'deny',
      refusal: {
        code: 'DENIED_BY_RULE',
        rule: 'no-ddl',
        message:
          'statement refused by rule no-ddl: drop of public.orders is ddl. Schema changes go through migrations.',
        hint: 'leave this part out: what a rule denies, no other rule and no approval can allow',
        place,
      },
      reasons: [{ use: 'drop of public.orders', answer: 'deny', rules: ['no-ddl'], place }],
    })
  })

  test('by default', () => {
    const decision = ruling([rules.read], facts([on(customers, 'write', 'delete')], { tag: 'DELETE' }))
    expect(decision).toMatchObject({
      refusal: {
        code: 'NO_RULE_ALLOWS',
        rule: null,
        message: 'statement refused: no rule allows this: delete on public.customers (write)',
      },
      reasons: [{ use: 'delete on public.customers', answer: 'deny', rules: [] }],
    })
  })

  test.each([
    [on(orders, 'write', 'delete', true), 'statement refused by rule no: unbounded delete on public.orders is write'],
    [act('runs code', 'procedural'), 'statement refused by rule no: runs code (procedural)'],
    [
      call('pg_catalog.pg_read_file', 'external'),
      'statement refused by rule no: call of pg_catalog.pg_read_file is external',
    ],
  ])('in words for each kind of use %#', (use, message) => {
    const no = { id: 'no', decision: 'deny', what: { effects: ['write', 'procedural', 'external'] } }
    expect(ruling([no], facts([use]))).toMatchObject({ refusal: { message } })
  })

  test('a name with control characters stays on one line', () => {
    const decision = ruling([rules.read], facts([call('evil\r\nname\u{202e}', 'unknown')]))
    expect(decision).toMatchObject({
      refusal: { message: 'statement refused: no rule allows this: call of evil\\u{d}\\u{a}name\\u{202e} (unknown)' },
    })
  })

  test('opaque facts and prohibitions, whatever the policy', () => {
    const all = [{ id: 'all', decision: 'allow', what: { effects: ['read', 'unknown'] } }]
    const opaque: Facts = { kind: 'opaque', code: 'SYNTAX', message: 'syntax error', offset: 3 }
    expect(ruling(all, opaque)).toMatchObject({ refusal: { code: 'NOT_UNDERSTOOD', place: { start: 3, end: 3 } } })
    const prohibition = { code: 'ROLE_CHANGE', message: 'changes the role', hint: 'stay', place } as const
    expect(ruling(all, facts([on(customers)], { prohibitions: [prohibition] }))).toMatchObject({
      refusal: { code: 'PROHIBITED', message: 'statement refused whatever the policy: changes the role', hint: 'stay' },
    })
  })
})

test('an approval is as strict as all the rules that ask for it', () => {
  const second = {
    ...rules.ask,
    id: 'ask-too',
    approval: { approvers: { groups: ['owner'] }, expires: '30s', mode: 'auto' },
  }
  const decision = ruling([rules.ask, second], facts([on(orders, 'write', 'update'), on(orders, 'write', 'insert')]))
  expect(decision).toMatchObject({
    kind: 'approve',
    terms: {
      rules: ['ask', 'ask-too'],
      approverGroups: [['dba'], ['owner']],
      quorum: 1,
      expiresMs: 30_000,
      mode: 'auto',
    },
  })
})

describe('I1: an agent acts for a person with what both may do', () => {
  const agent = { issuer: 'https://idp.example.com', subject: 'agent', groups: ['agents'] }
  const people = { ...rules.write, who: { groups: ['people'] } }
  const agents = { ...rules.write, id: 'agents-write', who: { groups: ['agents'] } }
  const write = facts([on(orders, 'write', 'update')])

  test.each([
    ['only the person may', [people], 'deny'],
    ['only the agent may', [agents], 'deny'],
    ['both may', [people, agents], 'allow'],
    ['both may, and the agent needs approval', [people, { ...rules.ask, who: { groups: ['agents'] } }], 'approve'],
  ])('%s', (_, policyRules, kind) => {
    expect(ruling(policyRules, write, { as: principal(['people'], agent) }).kind).toBe(kind)
  })

  test('the masks and the limits of either hold', () => {
    const masks = [{ columns: ['public.customers.ssn'], with: 'redact', unless: { groups: ['people'] } }]
    const limits = [
      { who: { groups: ['agents'] }, rows: 10, time: '30s' },
      { who: { groups: ['people'] }, rows: 100, bytes: '1kB' },
    ]
    const decision = ruling([rules.read], facts([on(customers)]), { masks, limits, as: principal(['people'], agent) })
    expect(decision).toMatchObject({
      obligations: {
        masks: [{ columns: [{ column: { name: 'ssn' } }] }],
        limits: { rowsMax: 10, bytesMax: 1_000, timeMsMax: 30_000 },
      },
    })
  })
})

describe('masks', () => {
  const masks = [{ columns: ['public.customers.ssn'], with: { partial: { last: 4 } } }]
  const writes = { id: 'writes', decision: 'allow', what: { effects: ['read', 'write', 'ddl', 'maintenance'] } }

  test('a masked relation is handed over once, with its masked columns only', () => {
    const decision = ruling([rules.read], facts([on(customers), on(customers), on(orders)]), { masks })
    expect(decision).toMatchObject({ kind: 'allow' })
    if (decision.kind === 'deny') return
    expect(decision.obligations.masks).toEqual([
      {
        relation: customers,
        columns: [
          {
            column: customers.columns[2],
            mask: { kind: 'partial', first: 0, last: 4, fill: '*' },
            ...ON_MASK,
            entry: 0,
          },
        ],
      },
    ])
  })

  test('a use that knows fewer columns takes no mask from another', () => {
    const narrowed = { ...customers, columns: customers.columns.slice(0, 2) }
    const more = [...masks, { columns: [`*.*.${narrowed.columns[1]?.name}`], with: 'null' }]
    for (const order of [
      [on(customers), on(narrowed)],
      [on(narrowed), on(customers)],
    ]) {
      const decision = ruling([rules.read], facts(order), { masks: more })
      const names =
        decision.kind === 'deny' ? [] : decision.obligations.masks[0]?.columns.map(({ column }) => column.name)
      expect(names?.sort()).toEqual([narrowed.columns[1]?.name, 'ssn'].sort())
    }
  })

  test('the stricter of several masks holds, and detectors are handed on', () => {
    const more = [
      ...masks,
      { columns: ['*.*.s*n'], with: 'hash' },
      { detect: ['iban'], with: 'partial' },
      { detect: ['iban'], with: null },
    ]
    const decision = ruling([rules.read], facts([on(customers)]), { masks: more })
    expect(decision).toMatchObject({
      obligations: {
        masks: [{ columns: [{ mask: { kind: 'hash', key: null }, entry: 1 }] }],
        detect: [{ detector: 'iban', mask: { kind: 'null' } }],
      },
    })
  })

  test('a view that may show a masked column is refused by name', () => {
    expect(ruling([rules.read], facts([on(view)]), { masks })).toMatchObject({
      refusal: {
        code: 'CANNOT_MASK',
        message: 'statement refused: column ssn of the view public.v_customers may show masked values',
        hint: 'query the base tables of the view; their masks are applied where the rows are fetched',
      },
    })
  })

  test.each<readonly [Access, 'allow' | 'deny']>([
    ['select', 'allow'],
    ['copy', 'allow'],
    ['insert', 'allow'],
    ['update', 'allow'],
    ['delete', 'allow'],
    ['truncate', 'allow'],
    ['lock', 'allow'],
    ['ddl', 'deny'],
    ['maintain', 'deny'],
  ])('%s of a masked relation', (access, kind) => {
    const decision = ruling([writes], facts([on(customers, 'write', access), on(orders)]), { masks })
    expect(decision.kind).toBe(kind)
    if (decision.kind === 'deny') expect(decision.refusal.code).toBe('CANNOT_MASK')
  })

  test('a view with masked columns is not written to', () => {
    for (const access of ['insert', 'update', 'delete'] as const)
      expect(ruling([writes], facts([on(view, 'write', access)]), { masks })).toMatchObject({
        refusal: { code: 'CANNOT_MASK' },
      })
  })

  test.each<readonly [ColumnRole, string, 'MASKED_PREDICATE' | null]>([
    ['predicate', 'ssn', 'MASKED_PREDICATE'],
    ['join', 'ssn', 'MASKED_PREDICATE'],
    ['group', 'ssn', 'MASKED_PREDICATE'],
    ['order', '*', 'MASKED_PREDICATE'],
    ['output', 'ssn', null],
    ['returning', 'ssn', null],
    ['set', 'ssn', null],
    ['target', 'ssn', null],
    ['predicate', 'id', null],
  ])('predicates: deny, and %s of %s', (role, column, code) => {
    const place = { start: 30, end: 33 }
    const used = { schema: 'public', name: 'customers', column, role, place }
    const given = { ...facts([on(customers)]), columns: [used] }
    const policy = parsePolicy({ version: 1, rules: [rules.read], masks })
    const denying = { ...policy, masks: policy.masks.map(entry => ({ ...entry, predicates: 'deny' as const })) }
    const asked = { principal: principal(['agents']), target, facts: given }
    const decision = decide(compilePolicy(denying, { version: '1' }), asked)
    if (code === null) expect(decision.kind).toBe('allow')
    else expect(decision).toMatchObject({ refusal: { code, place } })
    expect(ruling([rules.read], given, { masks }).kind).toBe('allow')
  })

  test.each<Access>(['select', 'copy', 'insert', 'update', 'delete', 'truncate', 'lock'])(
    'L1: code of the database that works on masked columns by %s is refused, and only such',
    access => {
      const by = { via: { kind: 'trigger', name: 'public.orders.fill' } } as const
      const rule = { id: 'all', decision: 'allow', what: { effects: ['read', 'write'] } } as const
      const unmasked = { ...customers, columns: customers.columns.filter(({ name }) => name === 'id') }
      const of = (relation: typeof customers) =>
        ruling([rule], facts([on(orders), { ...on(relation, 'write', access), ...by }]), { masks })
      expect(of(customers)).toMatchObject({
        refusal: {
          code: 'CANNOT_MASK',
          message: expect.stringContaining('the trigger public.orders.fill works on masked columns'),
        },
      })
      expect(of(unmasked).kind).toBe('allow')
    },
  )

  test('hold for this target and these people only', () => {
    const of = (entry: object) => {
      const decision = ruling([rules.read], facts([on(customers)]), { masks: [{ ...masks[0], ...entry }] })
      return decision.kind === 'deny' ? null : decision.obligations.masks.length
    }
    expect(of({ on: { targets: ['a*'] } })).toBe(1)
    expect(of({ on: { targets: ['other'] } })).toBe(0)
    expect(of({ unless: { groups: ['agents'] } })).toBe(0)
    expect(of({ who: { groups: ['people'] } })).toBe(0)
    expect(of({ who: { groups: ['agents'] } })).toBe(1)
  })
})

test('a principal’s standing is worked out once for a target', () => {
  const policy = compilePolicy(parsePolicy({ version: 1, rules: [rules.read] }), { version: 'v1' })
  const ada = principal(['agents'])
  expect(policy.for(ada, target)).toBe(policy.for(ada, { ...target }))
  expect(policy.for(ada, { ...target, name: 'other' })).not.toBe(policy.for(ada, target))
})
