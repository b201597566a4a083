import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { policyCheck } from './commands/policy-check.ts'
import { openPolicy } from './open-policy.ts'

const withPattern = (pattern: string): string => `version: 1
rules: []
masks:
  - { detect: [email, { name: badge, pattern: '${pattern}' }], with: redact }
`

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'querywarden-test-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test.each([
  ['B-(\\d{3}', 'policy.yaml:4:15: masks[0].detect: the pattern of badge is no expression of RE2: missing closing )'],
  [
    '(?=B)-\\d{3}',
    'policy.yaml:4:15: masks[0].detect: the pattern of badge is no expression of RE2: invalid or unsupported Perl syntax',
  ],
  [
    'B-\\d+',
    'policy.yaml:4:47: masks[0].detect[1].pattern: repeats without a bound at character 5, expected one such as {1,64}',
  ],
])('T5: neither the gateway nor `policy check` takes the pattern %s', async (pattern, issue) => {
  const file = join(dir, 'policy.yaml')
  writeFileSync(file, withPattern(pattern))
  expect(() => openPolicy(file)).toThrow(issue)
  const lines: string[] = []
  const terminal = { out: (line: string) => lines.push(line), note: () => undefined, isJson: false }
  expect(await policyCheck(terminal, file, {})).toBe(1)
  expect(lines.join('\n')).toContain(issue.replace(': ', ': error: '))
})

test('a good one is taken', () => {
  const file = join(dir, 'good.yaml')
  writeFileSync(file, withPattern('B-\\d{3}'))
  expect(openPolicy(file).policy.masks).toMatchObject([{ detectors: ['email'], patterns: [{ name: 'badge' }] }])
})
