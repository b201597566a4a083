import { beforeAll, describe, expect, test } from 'vitest'
import { type Grammar, loadGrammar } from './engine.ts'
import { lex } from './lex.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { splitStatements } from './split.ts'

let grammar: Grammar
beforeAll(async () => {
  grammar = await loadGrammar(17)
})

const split = (text: string) => splitStatements(text, grammar, DEFAULT_LIMITS)
const texts = (text: string): readonly string[] => {
  const splitting = split(text)
  if (splitting.kind === 'opaque') throw new Error(splitting.message)
  return splitting.statements.map(one => one.text)
}

describe('splitting', () => {
  test('gives each statement as it was parsed, with its place in the original', () => {
    expect(split("select 'ä'; -- é\n delete from t where x = 1 ;;")).toEqual({
      kind: 'split',
      statements: [
        { text: "select 'ä'", start: 0, command: null },
        { text: 'delete from t where x = 1', start: 20, command: null },
      ],
    })
  })

  test.each(['', ' \n', '-- x', '/* a /* b */ c */', ';;', ' ; -- x\n;'])('%j holds no statement', text => {
    expect(split(text)).toEqual({ kind: 'split', statements: [] })
  })

  test('comments leave spaces and their newlines', () => {
    expect(texts('select/*a\nb*/1')).toEqual(['select   \n   1'])
  })

  test('section 3: a tag is no tag inside a name, and a comment ends with a carriage return', () => {
    expect(texts('SELECT 1 AS a$b$; DELETE FROM t; SELECT 1 AS c$b$')).toHaveLength(3)
    expect(texts('SELECT 1 -- x\r; DELETE FROM t')).toHaveLength(2)
    expect(texts('SELECT $a1$; DELETE FROM t; $a1$')).toHaveLength(1)
  })

  test('section 8, 1: a backslash is no escape, so what hides behind one is seen', () => {
    expect(split("select 'a\\'' ; drop table t; --'")).toMatchObject({ kind: 'split', statements: { length: 1 } })
    expect(texts("select 'a\\' ; drop table t; --'")).toHaveLength(2)
  })

  test('section 8, 5: NUL ends no text', () => {
    expect(split('select 1\0; drop table x')).toMatchObject({ kind: 'opaque', code: 'HAS_NUL' })
  })

  test('a comment that keeps two literals apart is refused: spaces would join them', () => {
    expect(split("select 'a' /* x */ \n 'b'")).toMatchObject({ kind: 'opaque', code: 'SYNTAX', offset: 21 })
    expect(texts("select 'a' -- x\n 'b'")).toHaveLength(1)
  })

  test('a comment of a megabyte is blanked', () => {
    expect(texts(`select 1 /*${' '.repeat(1_000_000)}*/ , 2`)).toHaveLength(1)
  })
})

describe('lexing', () => {
  test.each([
    ["e'\\'' x", 'string space word'],
    ["'\\' x", 'string space word'],
    ["e'a'\n'\\'' x", 'string space string space word'],
    ["e'a' '\\' x", 'string space string space word'],
    ['$$a$$ $1 $a', 'string space parameter space mark word'],
    ['a$b$ 1$c$;$c$', 'word space number string'],
    ['U&"a""b" u&\'c\'', 'identifier space string'],
    ['*/*c*/+--d', 'operator block-comment operator line-comment'],
    ['/* /* */', 'broken'],
    ['1.5e3::int', 'number mark word'],
  ])('%j', (text, kinds) =>
    expect(
      lex(text)
        .map(token => token.kind)
        .join(' '),
    ).toBe(kinds),
  )
})
