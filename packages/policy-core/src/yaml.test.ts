import { describe, expect, test } from 'vitest'
import { PolicyError } from './errors.ts'
import { readPolicyYaml, readYaml } from './yaml.ts'

const POLICY = `version: 1
rules:
  - id: agents-read
    decision: allow
    who: { groups: [ai-agents] }
    what: { effects: [read], relations: ["public.*"] }
  - id: writes-need-a-person
    decision: approve
    what: { effects: [write] }
    approval: { approvers: { groups: [dba] }, quorum: 1, expires: 10m, mode: auto }
masks:
  - { columns: ["public.customers.ssn"], with: redact, unless: { groups: [pii-readers] } }
  - { columns: ["public.customers.dob"], with: { date-trunc: year } }
  - { columns: ["public.customers.note"], with: null }
limits:
  - { who: { groups: [ai-agents] }, rows: 10000, bytes: 50MB, time: 30s }
`

const edited = (from: string, to: string): string => {
  expect(POLICY).toContain(from)
  return POLICY.replace(from, to)
}

function errorOf(text: string): string {
  try {
    readPolicyYaml(text, { file: 'policy.yaml' })
  } catch (error) {
    if (error instanceof PolicyError) return error.message
    throw error
  }
  return 'no error'
}

test('a policy is read as it is written', () => {
  const policy = readPolicyYaml(POLICY, { file: 'policy.yaml' })
  expect(policy.rules.map(({ id }) => id)).toEqual(['agents-read', 'writes-need-a-person'])
  expect(policy.masks.map(({ mask }) => mask.kind)).toEqual(['redact', 'date-trunc', 'null'])
  expect(policy.limits).toMatchObject([{ rowsMax: 10_000, bytesMax: 50_000_000, timeMsMax: 30_000 }])
})

describe('a mistake is shown where it stands', () => {
  test.each([
    [
      edited('effects: [read]', 'efects: [read]'),
      'policy.yaml:6:13: rules[0].what.efects: unknown key, did you mean effects?',
    ],
    [
      edited('decision: allow', 'decision: alow'),
      'policy.yaml:4:15: rules[0].decision: expected one of allow, approve, deny',
    ],
    [
      edited('    decision: allow\n', ''),
      'policy.yaml:3:5: rules[0].decision: missing, expected one of allow, approve, deny',
    ],
    [edited('with: redact', 'with: redct'), 'policy.yaml:12:48: masks[0].with: no mask, did you mean redact?'],
    [edited('with: null', 'with:'), 'policy.yaml:14:43: masks[2].with: key without a value'],
    [
      edited('quorum: 1', 'quorum: 3'),
      'policy.yaml:10:55: rules[1].approval.quorum: this version takes one approver, expected 1',
    ],
    [edited('50MB', 'lots'), 'policy.yaml:16:57: limits[0].bytes: expected a size such as 50MB or 64MiB'],
    [edited('version: 1', 'version: 1\nversion: 1'), 'policy.yaml:2:1: key given twice'],
    [
      edited('[ai-agents]', '&a [ai-agents]'),
      'policy.yaml:5:23: rules[0].who.groups: anchors and aliases are not read, write it out',
    ],
    [edited('who:', '&k who:'), 'policy.yaml:5:8: rules[0].who: anchors and aliases are not read, write it out'],
    [
      edited('[dba]', '!!set [dba]'),
      'policy.yaml:10:44: rules[1].approval.approvers.groups: tags are not read, leave it out',
    ],
    [edited('[read]', '[read'), 'policy.yaml:6:53: wrong indentation, or a bracket that is never closed'],
    [edited('    decision: allow', '\tdecision: allow'), 'policy.yaml:4:1: indented by a tab, expected blanks'],
    [
      edited('version: 1', '<<: { version: 1 }'),
      'policy.yaml:1:1: version: missing, expected 1\npolicy.yaml:1:1: "<<": unknown key, expected one of version, rules, masks, limits, record',
    ],
    [`${POLICY}---\nversion: 1\n`, 'policy.yaml:17:1: expected one document in the file'],
    ['', 'policy.yaml:1:1: empty, expected a mapping'],
    ['# nothing\n', 'policy.yaml:1:1: empty, expected a mapping'],
    ['just text', 'policy.yaml:1:1: expected a mapping'],
  ])('%#', (text, message) => {
    expect(errorOf(text)).toBe(message)
  })

  test('several mistakes stand one to a line, in the order of the file', () => {
    const text = POLICY.replace('50MB', 'lots').replace('alow', 'allow').replace('effects: [read]', 'effects: [reed]')
    expect(
      errorOf(text)
        .split('\n')
        .map(line => line.split(' ')[0]),
    ).toEqual(['policy.yaml:6:23:', 'policy.yaml:16:57:'])
  })
})

describe('a hostile document costs little', () => {
  test('aliases are never followed', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x]',
      ...'bcdefghij'
        .split('')
        .map((name, index) => `${name}: &${name} [*${'abcdefghij'[index]}, *${'abcdefghij'[index]}]`),
    ]
    expect(errorOf(bomb.join('\n'))).toMatch(/^policy\.yaml:1:7: a: anchors and aliases are not read/)
  })

  test.each([
    ['brackets without end', '['.repeat(50_000)],
    ['deep nesting', `${'['.repeat(60)}${']'.repeat(60)}`],
    ['too many values', `a: [${'1,'.repeat(101_000)}1]`],
    ['too long', `a: ${'x'.repeat(600_000)}`],
  ])('%s', (_, text) => {
    expect(errorOf(text)).toMatch(/^policy\.yaml:\d+:\d+: .*(nested|more than|longer than|bracket)/)
  })
})

test('a secret in the wrong place is not repeated', () => {
  expect(errorOf(edited('date-trunc: year', 'hash: { key: hunter2hunter2 }'))).not.toContain('hunter2')
  expect(errorOf(edited('with: null', 'with: "hunter2'))).not.toContain('hunter2')
})

test('other documents are read with errors of their own', () => {
  class ConfigError extends Error {}
  const issue = { path: ['listen', 'port'], message: 'expected a number', at: 'value', location: null } as const
  const reading = {
    file: 'querywarden.yaml',
    parse: () => {
      throw new PolicyError([issue])
    },
    fail: (issues: readonly { location: unknown }[]) => new ConfigError(JSON.stringify(issues[0]?.location)),
  }
  expect(() => readYaml('listen:\n  port: abc\n', reading)).toThrow(
    new ConfigError('{"file":"querywarden.yaml","line":2,"column":9}'),
  )
  const broken = () => {
    throw new TypeError('a bug')
  }
  expect(() => readYaml('a: 1', { ...reading, parse: broken })).toThrow(TypeError)
})
