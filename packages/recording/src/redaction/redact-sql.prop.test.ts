import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redactSql } from './redact-sql.ts'
import { lexSql } from './sql-lexer.ts'

const hints = { tag: null, functions: [] }
const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const sqlish = fc.string({ unit: fc.constantFrom(...'\'"`$\\ea1u&xE_-/*#.\n \u00a0;:@(='), maxLength: 60 })

/** A canary in every spelling that PostgreSQL has for it, with hostile company. */
const company = fc.string({ unit: fc.constantFrom(...'"$/*- a1;\n`#'), maxLength: 12 })
const literal = fc.oneof(
  company.map(more => `'CANARY${more}'`),
  company.map(more => `E'CANARY\\'${more}'`),
  company.map(more => `E'\\\\CANARY${more}'`),
  company.map(more => `U&'CANARY${more}'`),
  company.map(more => `$q$CANARY${more}$q$`),
  company.map(more => `'CANARY''${more}'`),
  fc.constant('424242'),
  fc.constant("B'0101'"),
)

describe('the lexer', () => {
  test('is total and loses nothing, whatever the text', async () => {
    await fc.assert(
      fc.property(fc.oneof(text, sqlish), fc.constantFrom('postgres' as const, 'mysql' as const), (sql, dialect) => {
        expect(
          lexSql(sql, dialect)
            .map(token => token.text)
            .join(''),
        ).toBe(sql)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('redaction', () => {
  test('leaves no literal, however literals follow each other', async () => {
    await fc.assert(
      fc.property(fc.array(literal, { minLength: 1, maxLength: 6 }), literals => {
        const redacted = redactSql(`select ${literals.join(', ')} from t`, 'postgres', hints)
        expect(redacted.text).not.toMatch(/CANARY|424242|0101/)
        expect(redacted.text).toMatch(/^select .* from t$/)
      }),
      { numRuns: 2_000 },
    )
  })

  test('of a redacted text changes nothing', async () => {
    await fc.assert(
      fc.property(fc.array(literal, { minLength: 1, maxLength: 6 }), literals => {
        const once = redactSql(`select ${literals.join(', ')} from t`, 'postgres', hints).text
        expect(redactSql(once, 'postgres', hints).text).toBe(once)
      }),
    )
  })
})
