import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { policyDiff } from './policy-diff.ts'

const CATALOG = fileURLToPath(new URL('../../policies/shop.catalog.json', import.meta.url))
const POLICY = `version: 1
rules:
  - { id: all, decision: allow, what: { effects: [read] } }
`

test('P12: limits and recordings that differ are told, and count as a change', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'policy-diff-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text)
    return join(dir, name)
  }
  const old = await file('old.yaml', `${POLICY}limits:\n  - { rows: 10 }\nrecord:\n  - { rows: all }\n`)
  const next = await file('new.yaml', `${POLICY}limits:\n  - { rows: 500, time: 30s }\nrecord:\n  - { rows: digest }\n`)
  const corpus = await file('sent.sql', 'select id from orders')
  const lines: string[] = []
  const terminal = { out: (line: string) => lines.push(line), note: () => undefined, isJson: false }
  const diff = async (a: string, b: string) => {
    const options = {
      config: 'querywarden.yaml',
      catalog: CATALOG,
      target: 'app',
      subject: 'a',
      issuer: 'i',
      group: [],
      claim: [],
      actorGroup: [],
      corpus,
      failOn: 'any',
    } as const
    return policyDiff(terminal, { old: a, new: b }, options)
  }
  expect(await diff(old, next)).toBe(1)
  const told = lines.join('\n')
  for (const term of [
    '- at most 10 rows',
    '- records all rows',
    '+ at most 500 rows',
    '+ at most 30000 ms',
    '+ records a digest of the rows',
  ])
    expect(told).toContain(term)
  expect(told).toContain('1 of 1 statements change')
  expect(await diff(old, old)).toBe(0)
})
