import { describe, expect, test } from 'vitest'
import { redactSql } from './redact-sql.ts'

const plain = { tag: 'SELECT', functions: [] }
const postgres = (text: string): string => redactSql(text, 'postgres', plain).text
const mysql = (text: string): string => redactSql(text, 'mysql', plain).text

describe('literals become placeholders of their shape', () => {
  test.each([
    ["select 'a''b', 'c'", "select '?', '?'"],
    ["select E'a\\'b', 'c\\', d", "select '?', '?', d"],
    ["select U&'\\0041' uescape '!', U&\"d\\0061t\"", "select '?' uescape '?', U&\"d\\0061t\""],
    ["select n'x', b'01', X'ff'", "select '?', b'?', X'?'"],
    ['select $$a$b$$, $t$x $$ y$t$, $1', 'select $$?$$, $$?$$, $1'],
    ['select 1, 1.5, .5, 1e-5, 0x1F, 1_000, t1, a$1', 'select ?, ?, ?, ?, ?, ?, t1, a$1'],
    ['select 1e+5+2', 'select ?+?'],
    ["select type'x'", "select type'?'"],
    ["select e\u00a0'a\\', b", "select e\u00a0'?', b"],
    ["select 1::int, a[1:2], 'x'::text", "select ?::int, a[?:?], '?'::text"],
    ["select 1 -- 'x\n, 'y' /* /* 'z' */ 'w' */ , 2", "select ? , '?' , ?"],
    ['select "weird \'name\'" from "t"', 'select "weird \'name\'" from "t"'],
    ["select 'never closed, select 5", "select '?'"],
    ['select $x$ never closed', 'select $$?$$'],
    ['select /* never closed 5', 'select'],
    ["select _utf8 'a\\', b", "select _utf8 '?', b"],
  ])('PostgreSQL: %s', (text, expected) => {
    expect(postgres(text)).toBe(expected)
  })

  test.each([
    ['select "a\\"b", \'c\\\'d\', `e`', "select '?', '?', `e`"],
    ["select _utf8mb4'x', N'y', x'ff'", "select '?', '?', x'?'"],
    ["select 5--1, 'a' # 'b'\n, 3 -- 'c'", "select ?--?, '?' , ?"],
    ["select 1 /*!50000 union select 'x' */", 'select ?'],
  ])('MySQL: %s', (text, expected) => {
    expect(mysql(text)).toBe(expected)
  })
})
