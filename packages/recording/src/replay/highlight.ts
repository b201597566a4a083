import type { Dialect } from '@querywarden/policy-core'
import { lexSql, type SqlToken } from '../redaction/sql-lexer.ts'
import { type Span, span } from './line.ts'
import type { Role } from './look.ts'
import { visibleLines } from './visible.ts'

/** SQL as lines of spans, by its lexical rules alone: also what no parser took is told apart. */
export function highlightSql(sql: string, dialect: Dialect): readonly (readonly Span[])[] {
  const lines: Span[][] = [[]]
  for (const token of lexSql(sql, dialect)) {
    const role = roleOf(token)
    visibleLines(token.text).forEach((text, index) => {
      if (index > 0) lines.push([])
      if (text !== '') lines.at(-1)?.push(span(text, role))
    })
  }
  return lines
}

function roleOf({ kind, text }: SqlToken): Role | null {
  switch (kind) {
    case 'string':
    case 'dollar-string':
    case 'bits':
      return 'string'
    case 'number':
      return 'number'
    case 'comment':
      return 'comment'
    case 'word':
      return KEYWORDS.has(text.toLowerCase()) ? 'keyword' : 'name'
    case 'quoted-name':
      return 'name'
    case 'space':
    case 'other':
      return null
  }
}

/** Words that shape statements in either dialect; not all that are reserved: this is for eyes. */
const KEYWORDS: ReadonlySet<string> = new Set(
  `add all alter analyze and any as asc authorization begin between both by call cascade case cast check cluster collate
  column comment commit constraint copy create cross current current_date current_timestamp current_user cursor database
  deallocate declare default deferrable delete desc discard distinct do drop else end escape except execute exists explain
  extension false fetch filter first following for foreign freeze from full function grant group having identified if ilike
  immutable in index inner insert instead intersect into is isnull join key last lateral leading left like limit listen
  load local lock locked materialized merge natural not nothing notify notnull null nulls of offset on only or order outer
  over partition password policy preceding prepare primary procedure program range recursive references reindex release
  rename replace reset restrict returning returns revoke right role rollback row rows savepoint schema select sequence
  session set show similar skip some start stdin stdout table temp temporary then to trailing transaction trigger true
  truncate type unbounded union unique unlisten until update user using vacuum values verbose view when where window with
  within without work`.split(/\s+/),
)
