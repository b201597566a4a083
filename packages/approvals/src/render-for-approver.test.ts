import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aQuestion, aStore, asker, HandClock } from '../test/a-question.ts'
import type { ApprovalRequest } from './approval-request.ts'
import { plainText, renderForApprover } from './render-for-approver.ts'
import { visibleName, visibleSql, visibleValue } from './visible-text.ts'

const asked = (changes: Parameters<typeof aQuestion>[0] = {}): Promise<ApprovalRequest> =>
  aStore(new HandClock()).create(aQuestion(changes))

describe('T10: what a person reads is what is there', () => {
  test.each([
    ['a right-to-left override', 'SELECT 1 \u202e AS x', 'SELECT 1 <U+202E> AS x'],
    ['a right-to-left override in a literal', "SELECT 'a\u202eb'", "SELECT 'a<U+202E>b'"],
    ['a bidirectional isolate', "SELECT '\u2066x\u2069'", "SELECT '<U+2066>x<U+2069>'"],
    ['a zero-width space', 'DROP\u200bTABLE', 'DROP<U+200B>TABLE'],
    ['a zero-width joiner in a literal', "'a\u200db'", "'a<U+200D>b'"],
    ['a no-break space', 'SELECT\u00a01', 'SELECT<U+00A0>1'],
    ['a homoglyph in a name', 'DELETE FROM \u043erders', 'DELETE FROM <U+043E>rders'],
    ['a homoglyph in a quoted name', 'DELETE FROM "\u043erders"', 'DELETE FROM "<U+043E>rders"'],
    ['a dollar quote', '$$Z\u00fcrich$$', '$$Z<U+00FC>rich$$'],
    ['a line break in a literal', "'a\nb'", "'a<U+000A>b'"],
    ['a terminal sequence', "'\u001b[1A\u001b[2K'", "'<U+001B>[1A<U+001B>[2K'"],
    ['a filler drawn as nothing', "'\u3164\u2800\ufe0f'", "'<U+3164><U+2800><U+FE0F>'"],
    ['a tag character', "'\u{e0041}'", "'<U+E0041>'"],
    ['letters that turn their surroundings around', "'\u05d0' , '\u05d1'", "'<U+05D0>' , '<U+05D1>'"],
    ['a lone surrogate', "'\ud800'", "'<U+D800>'"],
    ['after a doubled quote', "'it''s \u00fc' \u00fc", "'it''s \u00fc' <U+00FC>"],
    ['after a backslash in an escape string', "E'\\'\u00fc' \u00fc", "E'\\'\u00fc' <U+00FC>"],
    ['after a backslash in a plain string', "'\\' \u00fc", "'\\' <U+00FC>"],
    ['a literal that never ends', "'\u00fc", "'<U+00FC>"],
  ])('%s', (_, sql, shown) => {
    expect(visibleSql(sql)).toBe(shown)
  })

  test('plain text in a literal stays readable', () => {
    const sql = "UPDATE t SET city = 'Zürich 東京 – €5 👍' WHERE name = 'O''Brien'"
    expect(visibleSql(sql)).toBe(sql)
  })

  test('nothing unseen is ever left, and nothing is cut', () => {
    const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/u
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
        for (const shown of [visibleSql(text), visibleValue(text), visibleName(text), visibleSql(`'${text}'`)]) {
          expect(unseen.test(shown)).toBe(false)
          expect(Array.from(shown).length).toBeGreaterThanOrEqual(Array.from(text).length)
        }
        expect(visibleName(text)).toMatch(/^[ -~]*$/)
      }),
    )
  })

  test('a long statement is shown whole', async () => {
    const canonical = `SELECT ${'1, '.repeat(50_000)}1; the end`
    expect(renderForApprover(await asked({ canonical })).sql).toBe(canonical)
  })

  test('names of people, targets and rules are escaped too', async () => {
    const rendered = renderForApprover(
      await asked({
        principal: {
          ...asker,
          subject: '\u0430nn',
          groups: ['g\u202e'],
          actor: { ...asker, subject: 'a\n$1  granted' },
        },
        target: { name: '\u0430pp', dialect: 'postgres' },
        searchPath: ['p\u200b'],
        session: 's\u0000',
      }),
    )
    expect(rendered.asker).toBe('https://idp.example <U+0430>nn')
    expect(rendered.actor).toBe('https://idp.example a<U+000A>$1  granted')
    expect(plainText(rendered)).toMatch(/^[ -~\n]*$/)
    expect(plainText(rendered).split('\n')).toHaveLength(16)
  })
})

describe('A7: parameters are part of what is read', () => {
  test('every value with type, format and length', async () => {
    expect(renderForApprover(await asked()).parameters).toEqual([
      { position: 1, type: 'text', format: 'text', value: 'shipped', bytes: 7 },
      { position: 2, type: 'integer[]', format: 'binary', value: '010203', bytes: 3 },
      { position: 3, type: 'type left to the server', format: 'text', value: null, bytes: 0 },
    ])
  })

  test('text that arrived as bytes is read strictly; what isn’t UTF-8 is shown as bytes', async () => {
    const values = [new TextEncoder().encode('\ufeffü\u202e'), new Uint8Array([0xff, 0x41])]
    const params = values.map(value => ({ typeOid: 99999, format: 'text', value }) as const)
    const rendered = renderForApprover(await asked({ statement: { ...aQuestion().statement, params } }))
    expect(rendered.parameters.map(parameter => parameter.value)).toEqual(['<U+FEFF>ü<U+202E>', 'ff41'])
    expect(rendered.parameters[0]?.type).toBe('type 99999')
  })
})

test('the whole as lines of text', async () => {
  expect(plainText(renderForApprover(await asked()))).toMatchInlineSnapshot(`
    "request         request-1
    asked by        https://idp.example ann (groups: developers, dba)
    through agent   https://idp.example coding-agent
    target          app (search path: public)
    session         session-1
    rules           writes-need-a-person
    approvers       1 of dba or leads
    answers so far  none
    expires         2030-01-01T12:10:00.000Z
    does            update on public.orders
    exact text      48 bytes, SHA-256 a6089bb94ee8c030d0da0f5681be37b1500ef801e6eab34799234e8130e34e03
    $1              text text (7 bytes) shipped
    $2              integer[] binary (3 bytes) 010203
    $3              type left to the server NULL
    statement       UPDATE orders SET status = $1 WHERE id = ANY ($2)
    "
  `)
})
