import { describe, expect, test } from 'vitest'
import { PolicyError } from '../errors.ts'
import { compilePolicy } from './compile.ts'
import { parsePolicy } from './parse.ts'

const allow = { id: 'a', decision: 'allow', what: { effects: ['read'] } }
const deny = { id: 'd', decision: 'deny', what: { effects: ['ddl'] } }
const approval = { approvers: { groups: ['dba'] }, expires: '10m' }
const approve = { id: 'p', decision: 'approve', what: { effects: ['write'] }, approval }
const mask = { columns: ['public.customers.ssn'], with: 'redact' }

const document = (more: object): unknown => ({ version: 1, rules: [allow], ...more })
const withRule = (rule: unknown): unknown => document({ rules: [rule] })
const withMask = (given: unknown): unknown => document({ masks: [{ ...mask, with: given }] })

function errorOf(input: unknown): string {
  try {
    parsePolicy(input)
  } catch (error) {
    if (error instanceof PolicyError) return error.message
    throw error
  }
  return 'no error'
}

describe('a policy that can’t be used says where and why', () => {
  const effects =
    'expected one of read, write, ddl, dcl, session, transaction, procedural, maintenance, external, unknown'
  test.each([
    [null, 'expected a mapping'],
    [{ rules: [] }, 'version: missing, expected 1'],
    [{ version: 2, rules: [] }, 'version: expected 1'],
    [document({ rule: [] }), 'rule: unknown key, did you mean rules?'],
    [document({ colour: 1 }), 'colour: unknown key, expected one of version, rules, masks, limits, record'],
    [
      JSON.parse('{ "version": 1, "rules": [], "__proto__": {} }'),
      '__proto__: unknown key, expected one of version, rules, masks, limits, record',
    ],
    [document({ rules: {} }), 'rules: expected a list, such as [one, two]'],
    [withRule({ ...allow, id: 'has blank' }), 'rules[0].id: expected letters, digits, dots, dashes or underscores'],
    [withRule({ ...allow, decision: 'permit' }), 'rules[0].decision: expected one of allow, approve, deny'],
    [withRule({ ...allow, what: { efects: ['read'] } }), 'rules[0].what.efects: unknown key, did you mean effects?'],
    [withRule({ ...allow, what: { effects: ['reed'] } }), `rules[0].what.effects[0]: ${effects}`],
    [withRule({ ...allow, what: { effects: [] } }), 'rules[0].what.effects: must not be empty'],
    [withRule({ ...allow, what: {} }), 'rules[0].what: is empty; leave it out to mean everything'],
    [withRule({ ...allow, who: {} }), 'rules[0].who: is empty; leave it out to mean everybody'],
    [
      withRule({ ...allow, who: { groups: ['ai-*'] } }),
      'rules[0].who.groups[0]: takes no wildcard; leave the condition out to mean everybody',
    ],
    [
      withRule({ ...allow, on: { when: [{ zone: 'UTC' }, { zone: 'Europe/Berln' }] } }),
      'rules[0].on.when[1].zone: no time zone, did you mean Europe/Berlin?',
    ],
    [
      withRule({ ...allow, on: { when: { zone: 'nowhere' } } }),
      'rules[0].on.when.zone: no time zone, expected an IANA name such as Europe/Berlin or UTC',
    ],
    [withRule({ ...allow, on: { targets: 'app' } }), 'rules[0].on.targets: expected a list, such as [one, two]'],
    [
      withRule({ ...allow, what: { relations: ['orders'] } }),
      'rules[0].what.relations[0]: can match nothing, expected schema.relation',
    ],
    [
      withRule({ ...allow, what: { relations: ['a.b.c'] } }),
      'rules[0].what.relations[0]: can match nothing, expected schema.relation',
    ],
    [
      withRule({ ...allow, what: { functions: ['now'] } }),
      'rules[0].what.functions[0]: can match nothing, expected schema.function',
    ],
    [withRule({ ...allow, reason: 'two\nlines' }), 'rules[0].reason: expected one line of text'],
    [withRule({ ...allow, id: 'a'.repeat(65) }), 'rules[0].id: expected at most 64 characters'],
    [withMask('redct'), 'masks[0].with: no mask, did you mean redact?'],
    [withMask('constant'), 'masks[0].with: constant needs its value: { constant: "n/a" }'],
    [
      withMask('date-trunc'),
      'masks[0].with: date-trunc needs its unit, one of year, quarter, month, week, day, hour: { date-trunc: year }',
    ],
    [
      withMask({ 'date-trunc': 'minute' }),
      'masks[0].with.date-trunc: expected one of year, quarter, month, week, day, hour',
    ],
    [withMask({ partial: { lst: 4 } }), 'masks[0].with.partial.lst: unknown key, did you mean last?'],
    [withMask({ partial: { last: -1 } }), 'masks[0].with.partial.last: expected at least 0'],
    [
      withMask({ constant: 'a', hash: { key: { env: 'K' } } }),
      'masks[0].with: expected exactly one of partial, hash, constant, date-trunc, json',
    ],
    [
      withMask({ hash: { key: 'secret-in-the-file' } }),
      'masks[0].with.hash.key: expected { env: NAME } or { file: PATH }: a key is named here, never written',
    ],
    [withMask('json'), 'masks[0].with: json needs its paths: { json: { "$.ssn": redact } }'],
    [withMask({ json: {} }), 'masks[0].with.json: expected 1 to 100 paths'],
    [
      withMask({ json: { '$..ssn': 'redact' } }),
      'masks[0].with.json."$..ssn": expected a path of members and [*] in at most 12 steps, such as $.cards[*].number',
    ],
    [withMask({ json: { '$.ssn': 'redct' } }), 'masks[0].with.json."$.ssn": no mask, did you mean redact?'],
    [
      document({ masks: [{ detect: ['iban'], with: { json: { $: 'redact' } } }] }),
      'masks[0].with: what detectors find is text, and has no members',
    ],
    [document({ masks: [{ with: 'redact' }] }), 'masks[0]: expected exactly one of columns, tags, types, detect'],
    [
      document({ masks: [{ ...mask, detect: ['iban'] }] }),
      'masks[0]: expected exactly one of columns, tags, types, detect',
    ],
    [
      document({ masks: [{ ...mask, columns: ['customers.ssn'] }] }),
      'masks[0].columns[0]: can match nothing, expected schema.relation.column',
    ],
    [document({ limits: [{}] }), 'limits[0]: expected rows, bytes, time or statements'],
    [document({ limits: [{ bytes: '50 MB' }] }), 'limits[0].bytes: expected a size such as 50MB or 64MiB'],
    [document({ limits: [{ time: 30 }] }), 'limits[0].time: expected a length of time such as 30s, 10m or 8h'],
    [document({ limits: [{ rows: 0 }] }), 'limits[0].rows: expected at least 1'],
    [document({ rules: Array.from({ length: 10_001 }, () => allow) }), 'rules: expected at most 10000 entries'],
  ])('%# %j', (input, message) => {
    expect(errorOf(input)).toBe(message)
  })
})

describe('a policy that promises what can’t be kept is refused', () => {
  test.each([
    [
      'two rules of one id',
      document({ rules: [allow, { ...deny, id: 'a' }] }),
      'rules[1].id: is the id of rules[0] already',
    ],
    [
      'approve without approval',
      withRule({ ...approve, approval: undefined }),
      'rules[0].approval: missing, a rule that decides approve must say who approves',
    ],
    [
      'approval on an allow',
      withRule({ ...allow, approval }),
      'rules[0].approval: only a rule that decides approve takes an approval',
    ],
    [
      'a quorum of two',
      withRule({ ...approve, approval: { ...approval, quorum: 2 } }),
      'rules[0].approval.quorum: this version takes one approver, expected 1',
    ],
    [
      'mode return',
      withRule({ ...approve, approval: { ...approval, mode: 'return' } }),
      'rules[0].approval.mode: this version holds only, expected hold or auto',
    ],
    ['a rule about nothing', withRule({ id: 'd', decision: 'deny' }), 'rules[0]: empty rule: expected who, on or what'],
    [
      'an allow of everything',
      withRule({ ...allow, what: undefined }),
      'rules[0]: empty rule: a rule that decides allow must say what, by effects at least',
    ],
    [
      'functions and relations at once',
      withRule({ ...allow, what: { functions: ['a.b'], relations: ['a.b'] } }),
      'rules[0].what: can never fire: what is done to a relation is no call of a function; make it two rules',
    ],
    [
      'a read by an access that writes',
      withRule({ ...allow, what: { effects: ['read'], access: ['delete'] } }),
      'rules[0].what: can never fire: the effect of this access is never read',
    ],
    [
      'an allow that a deny covers',
      document({ rules: [allow, { ...deny, what: { effects: ['read', 'ddl'] } }] }),
      'rules[0]: can never fire: rule d decides deny wherever it matches',
    ],
  ])('%s', (_, input, message) => {
    expect(errorOf(input)).toBe(message)
  })

  test('however it was made', () => {
    const policy = parsePolicy(document({ rules: [approve] }))
    const [rule] = policy.rules
    if (rule?.decision !== 'approve') throw new Error('expected an approve rule')
    const unsafe = { ...policy, rules: [{ ...rule, approval: { ...rule.approval, quorum: 2 } }, rule] }
    expect(() => compilePolicy(unsafe, { version: 'v1' })).toThrow(
      'rules[1].id: is the id of rules[0] already\nrules[0].approval.quorum: this version takes one approver, expected 1',
    )
  })

  test('a deny that covers part of an allow, or other people, is no error', () => {
    const narrow = { ...deny, who: { groups: ['guests'] }, what: { effects: ['read'] } }
    const partly = { ...deny, id: 'e', what: { effects: ['read'], relations: ['hr.*'] } }
    expect(errorOf(document({ rules: [allow, narrow, partly] }))).toBe('no error')
  })
})

describe('masks read as they are written', () => {
  test.each([
    ['redact', { kind: 'redact' }],
    ['null', { kind: 'null' }],
    [null, { kind: 'null' }],
    ['partial', { kind: 'partial', first: 0, last: 4, fill: '*' }],
    ['email', { kind: 'email' }],
    ['hash', { kind: 'hash', key: null }],
    [{ partial: { first: 2 } }, { kind: 'partial', first: 2, last: 0, fill: '*' }],
    [{ hash: { key: { env: 'MASK_KEY' } } }, { kind: 'hash', key: { kind: 'env', name: 'MASK_KEY' } }],
    [{ hash: { key: { file: 'mask.key' } } }, { kind: 'hash', key: { kind: 'file', path: 'mask.key' } }],
    [{ constant: 'n/a' }, { kind: 'constant', value: 'n/a' }],
    [{ 'date-trunc': 'year' }, { kind: 'date-trunc', unit: 'year' }],
    [
      { json: { '$.ssn': 'redact', '$.cards[*].pan': { partial: { last: 4 } }, '$.salary': null } },
      {
        kind: 'json',
        members: [
          { path: [{ kind: 'member', name: 'ssn' }], mask: { kind: 'redact' } },
          {
            path: [{ kind: 'member', name: 'cards' }, { kind: 'elements' }, { kind: 'member', name: 'pan' }],
            mask: { kind: 'partial', first: 0, last: 4, fill: '*' },
          },
          { path: [{ kind: 'member', name: 'salary' }], mask: { kind: 'null' } },
        ],
      },
    ],
  ])('with: %j', (given, expected) => {
    expect(parsePolicy(withMask(given)).masks[0]?.mask).toEqual(expected)
  })
})

test('quantities keep their units', () => {
  const limits = [{ rows: 5, bytes: '64MiB', time: '1500ms' }, { bytes: 7 }]
  expect(parsePolicy(document({ limits })).limits).toMatchObject([
    { rowsMax: 5, bytesMax: 67_108_864, timeMsMax: 1_500 },
    { rowsMax: null, bytesMax: 7, timeMsMax: null },
  ])
})
