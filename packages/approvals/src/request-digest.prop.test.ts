import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aQuestion, NOON } from '../test/a-question.ts'
import { requestDigest } from './request-digest.ts'

type Path = readonly (string | number)[]
type Plain = Record<string | number, unknown>

const binding = { id: 'request-1', expiresAt: NOON }
const digestOf = (value: { id: string; expiresAt: number; question: ReturnType<typeof aQuestion> }): string =>
  requestDigest(value.question, value)

/** Every leaf of a value: the fields that can be flipped. */
const leaves = (value: unknown, at: Path = []): Path[] =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...at, key]))
    : [at]

/** Another value of the same type. */
const flipped = (value: unknown, salt: number): unknown => {
  if (value instanceof Uint8Array) {
    return value.map((byte, i) => (i === salt % value.length ? byte ^ (1 << (salt % 8)) : byte))
  }
  if (typeof value === 'string') return salt % 2 ? `${value}x` : value.slice(1)
  if (typeof value === 'number') return value + 1 + salt
  return value === null ? 'no longer null' : null
}

const flip = (root: object, path: Path, salt: number): void => {
  const parent = path.slice(0, -1).reduce<Plain>((node, key) => node[key] as Plain, root as Plain)
  const last = path.at(-1)!
  parent[last] = flipped(parent[last], salt)
}

const fixed = (): { id: string; expiresAt: number; question: ReturnType<typeof aQuestion> } =>
  structuredClone({ ...binding, question: aQuestion() })

describe('A1: a digest binds everything', () => {
  const paths = leaves(fixed())

  test('the fields that the design names are among those that get flipped', () => {
    const named = paths.map(path => path.join('.'))
    expect(named).toEqual(
      expect.arrayContaining([
        'id',
        'expiresAt',
        'question.statement.text',
        'question.statement.params.0.value',
        'question.statement.params.1.value',
        'question.statement.params.2.typeOid',
        'question.statement.params.1.format',
        'question.target.name',
        'question.principal.subject',
        'question.principal.issuer',
        'question.principal.actor.subject',
        'question.session',
        'question.policyVersion',
        'question.catalogFingerprint',
        'question.searchPath.0',
        'question.terms.quorum',
        'question.decision.obligations.limits.rowsMax',
      ]),
    )
  })

  test('flipping any one field gives another digest', () => {
    const before = digestOf(fixed())
    for (const path of paths) {
      fc.assert(
        fc.property(fc.nat(1000), salt => {
          const other = fixed()
          flip(other, path, salt)
          expect(digestOf(other), path.join('.')).not.toBe(before)
        }),
        { numRuns: 20 },
      )
    }
  })

  test('a field that is added, dropped or moved to another place changes the digest', () => {
    const { params } = aQuestion().statement
    const digests = [
      aQuestion(),
      aQuestion({ statement: { ...aQuestion().statement, params: params.toReversed() } }),
      aQuestion({ statement: { ...aQuestion().statement, params: params.slice(1) } }),
      aQuestion({ searchPath: ['public', 'extra'] }),
      aQuestion({ searchPath: [] }),
      { ...aQuestion(), added: null },
    ].map(question => requestDigest(question, binding))
    expect(new Set(digests).size).toBe(digests.length)
  })
})

describe('A1: the encoding is one-to-one', () => {
  test('a text can’t move from one field to the next', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(), (a, b, cut) => {
        const both = a + b
        const at = both.length === 0 ? 0 : cut % both.length
        const first = requestDigest(aQuestion({ session: a, canonical: b }), binding)
        const second = requestDigest(aQuestion({ session: both.slice(0, at), canonical: both.slice(at) }), binding)
        expect(first === second).toBe(a.length === at)
      }),
    )
  })

  test('bytes and the text that they spell are different values, and so are null and the empty text', () => {
    const withValue = (value: Uint8Array | string | null): string =>
      requestDigest(
        aQuestion({ statement: { ...aQuestion().statement, params: [{ typeOid: 25, format: 'text', value }] } }),
        binding,
      )
    expect(new Set(['7', new TextEncoder().encode('7'), null, '', new Uint8Array()].map(withValue)).size).toBe(5)
  })

  test('the order in which an object got its fields means nothing', () => {
    const question = aQuestion()
    const reordered = Object.fromEntries(Object.entries(question).toReversed()) as typeof question
    expect(requestDigest(reordered, binding)).toBe(requestDigest(question, binding))
  })

  test.each([
    ['a lone surrogate', '\ud800'],
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['a map', new Map([['a', 1]])],
    ['a date', new Date(0)],
  ])('%s has no encoding, so there is nothing to approve', (_, value) => {
    expect(() => requestDigest({ ...aQuestion(), added: value } as never, binding)).toThrow(
      expect.objectContaining({ code: 'NOT_ENCODABLE' }),
    )
  })

  test('a value nested without end is refused instead of overflowing the stack', () => {
    const loop: unknown[] = []
    loop.push(loop)
    expect(() => requestDigest({ ...aQuestion(), loop } as never, binding)).toThrow(
      expect.objectContaining({ code: 'NOT_ENCODABLE' }),
    )
  })
})
