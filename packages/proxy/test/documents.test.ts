import { readFileSync } from 'node:fs'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import { expect, test } from 'vitest'
import { configSchema } from '../src/config/json-schema.ts'
import { parseConfig } from '../src/config/parse.ts'

const documentOf = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
const firstYaml = (text: string): string => /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? ''

test('the configuration of operating.md is one', () => {
  const config = parseConfig(firstYaml(documentOf('operating.md')), '/etc/querywarden.yaml')
  expect(config.targets[0]?.tls).toEqual({ mode: 'verify-full', ca: '/etc/ca.crt' })
})

test('the policy of policy.md is one, and its explanations are of its rules', () => {
  const text = documentOf('policy.md')
  const { rules, masks } = readPolicyYaml(firstYaml(text), { file: 'policy.md' })
  expect([rules.length, masks.length]).toEqual([4, 2])
  for (const [, id] of text.matchAll(/, by ([a-z-]+) \(bytes/g)) expect(rules.map(rule => rule.id)).toContain(id)
})

test('operating.md names every key of the configuration', () => {
  const text = documentOf('operating.md')
  const keysOf = (schema: unknown): readonly string[] => {
    if (typeof schema !== 'object' || schema === null) return []
    const own = 'properties' in schema ? Object.keys(schema.properties ?? {}) : []
    return [...own, ...Object.values(schema).flatMap(keysOf)]
  }
  const known = ['env', 'file', 'cert', 'key', 'kind', 'properties']
  const keys = [...new Set(keysOf(configSchema()))].filter(key => !known.includes(key))
  expect(keys.length).toBeGreaterThan(30)
  expect(keys.filter(key => !new RegExp(`[\`.{ ,]${key}[\`.:,} ]`).test(text))).toEqual([])
})
