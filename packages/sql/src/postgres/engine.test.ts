import { beforeAll, describe, expect, test } from 'vitest'
import { type Grammar, loadGrammar, MAJORS } from './engine.ts'

describe.each(MAJORS)('grammar of PostgreSQL %i', major => {
  let grammar: Grammar
  beforeAll(async () => {
    grammar = await loadGrammar(major)
  })

  test('gives each statement with its stretch in bytes', () => {
    const outcome = grammar.parse("select 'ä'; delete from t")
    if (outcome.kind !== 'parsed') throw new Error(outcome.message)
    expect(outcome.statements.map(({ type, start, end }) => [type, start, end])).toEqual([
      ['SelectStmt', 0, 11],
      ['DeleteStmt', major >= 18 ? 13 : 12, 26],
    ])
  })

  test('a text without statements parses to none', () => {
    for (const text of ['', ' \n', ';;']) expect(grammar.parse(text)).toEqual({ kind: 'parsed', statements: [] })
  })

  test('a syntax error says where, in bytes, and never quotes the text', () => {
    expect(grammar.parse("select 'ä' x 'secret'")).toEqual({
      kind: 'syntax-error',
      message: 'syntax error',
      offset: 14,
    })
  })

  test('T5: an instance that fails is replaced, and later texts parse', async () => {
    let failures = 0
    for (let i = 0; i < 60; i++) {
      const outcome = grammar.parse(`select ${'1+'.repeat(40_000)}1`)
      if (outcome.kind === 'failure') failures += 1
      await new Promise(resolve => setTimeout(resolve, 20))
      expect(['parsed', 'failure']).toContain(grammar.parse('select 1').kind)
    }
    expect(failures).toBeGreaterThan(0)
    await expect.poll(() => grammar.parse('select 1').kind).toBe('parsed')
  })

  test('T5: with no instance ready it refuses rather than waits', async () => {
    const bomb = `select ${'('.repeat(40_000)}`
    expect(grammar.parse(bomb).kind).toBe('failure')
    expect(grammar.parse(bomb).kind).toBe('failure')
    expect(grammar.parse('select 1')).toEqual({ kind: 'failure', message: 'no parser is ready' })
    await expect.poll(() => grammar.parse('select 1').kind).toBe('parsed')
  })
})
