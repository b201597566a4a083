import { compilePolicy, PolicyError, parsePolicy } from '@querywarden/policy-core'
import { readPolicyYaml } from '@querywarden/policy-core/yaml'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostileTexts } from '../../src/index.ts'

const KEYS = [
  'version',
  'rules',
  'masks',
  'limits',
  'id',
  'decision',
  'who',
  'groups',
  'what',
  'effects',
  'relations',
  'with',
  'columns',
  '__proto__',
  'constructor',
]
const VALUES = [
  1,
  0,
  -1,
  1e21,
  null,
  true,
  '',
  'allow',
  'deny',
  'read',
  '*',
  'public.*',
  'a.b.c',
  'redact',
  'constant',
  '10m',
  '50MB',
  '\u{d800}',
  '"',
]

/** Documents that look like a policy from afar. */
const documents = fc.letrec<{ document: unknown }>(tie => ({
  document: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom<unknown>(...VALUES),
    fc.array(tie('document'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('document'), { maxKeys: 5 }),
  ),
})).document

/** A sound policy with one value in it replaced. */
const damaged = fc.tuple(fc.nat(), documents).map(([at, value]) => {
  let left = at % 24
  const walk = (node: unknown): unknown => {
    if (left-- === 0) return value
    if (Array.isArray(node)) return node.map(walk)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, walk(inner)]))
  }
  return walk({
    version: 1,
    rules: [
      { id: 'a', decision: 'allow', who: { groups: ['g'] }, what: { effects: ['read'], relations: ['public.*'] } },
      {
        id: 'b',
        decision: 'approve',
        what: { effects: ['write'] },
        approval: { approvers: { groups: ['dba'] }, expires: '10m' },
      },
    ],
    masks: [{ columns: ['a.b.c'], with: { partial: { last: 4 } } }],
    limits: [{ rows: 5, bytes: '5MB' }],
  })
})

/** Whether something went well, or failed in the one way it may. */
function isAnswered(attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    expect(error.issues.length).toBeGreaterThan(0)
    expect(error.issues.every(({ message }) => message !== '' && !/[\n\r]/.test(message))).toBe(true)
    return false
  }
}

describe('a document is a policy or a PolicyError, never anything else', () => {
  test('any document', () => {
    fc.assert(
      fc.property(documents, document => void isAnswered(() => parsePolicy(document))),
      { numRuns: 2_000 },
    )
  })

  test('a sound policy with one value replaced: and what is taken can be compiled', () => {
    let taken = 0
    const property = fc.property(damaged, document => {
      taken += Number(isAnswered(() => compilePolicy(parsePolicy(document), { version: 'test' })))
    })
    fc.assert(property, { numRuns: 3_000 })
    expect(taken).toBeGreaterThan(0)
  })

  test('any text as YAML, and every issue has its place', () => {
    const texts = fc.oneof(
      hostileTexts(),
      damaged.map(document => JSON.stringify(document, null, 1)),
      fc.constantFrom('&a *a', '? [x]: y', '!!js x', '%TAG ! x'),
    )
    const property = fc.property(texts, text => {
      try {
        readPolicyYaml(text, { file: 'policy.yaml' })
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error
        const lines = text.split('\n').length
        for (const { location } of error.issues) {
          expect(location?.line).toBeGreaterThanOrEqual(1)
          expect(location?.line).toBeLessThanOrEqual(lines)
          expect(location?.column).toBeGreaterThanOrEqual(1)
        }
      }
    })
    fc.assert(property, { numRuns: 3_000 })
  })
})
