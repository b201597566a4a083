import { describe, expect, test } from 'vitest'
import { excerptOf, spotOf } from './excerpt.ts'

const bytesOf = (text: string, part: string) => {
  const start = Buffer.byteLength(text.slice(0, text.indexOf(part)))
  return { start, end: start + Buffer.byteLength(part) }
}

describe('excerpts', () => {
  test.each([
    ['delete from orders', 'orders', 'delete from orders', '            ^^^^^^'],
    ['select a,\n  b from t', 'b', '  b from t', '  ^'],
    ["select 'é漢' from t", 'from', "select 'é漢' from t", '             ^^^^'],
    ["select '漢字'", "'漢字'", "select '漢字'", '       ^^^^^^'],
    ['select\ta', 'a', 'select a', '       ^'],
    ['select \u202e a', 'a', 'select \\u{202e} a', '                ^'],
    ['select a,\nb', 'a,\nb', 'select a,', '       ^^'],
  ])('%j at %j', (text, part, line, carets) => {
    expect(excerptOf(text, bytesOf(text, part))).toEqual([line, carets])
  })

  test('a long line is cut around the place, on both sides', () => {
    const text = `select ${'x, '.repeat(200)}secret from t where ${'y and '.repeat(100)}z`
    const [line, carets] = excerptOf(text, bytesOf(text, 'secret'))
    expect(line.length).toBeLessThan(105)
    expect([line[0], line.at(-1)]).toEqual(['…', '…'])
    expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('secret')
  })

  test('a place behind the text still has a caret', () => {
    expect(excerptOf('select', { start: 6, end: 7 })).toEqual(['select', '      ^'])
  })

  test('spots count characters, from 1', () => {
    expect(spotOf("select 'é',\n  b", bytesOf("select 'é',\n  b", 'b'))).toEqual({ line: 2, column: 3 })
  })
})
