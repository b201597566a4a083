import { beforeAll, describe, expect, test } from 'vitest'
import { takeApart } from './plpgsql-code.ts'
import { loadPlpgsql, type PlpgsqlParser } from './plpgsql-parser.ts'

let parser: PlpgsqlParser
beforeAll(async () => {
  parser = await loadPlpgsql()
})

const codeOf = (body: string, head = 'CREATE FUNCTION f(x int) RETURNS SETOF int') => {
  const tree = parser.parse(`${head} LANGUAGE plpgsql AS $body$${body}$body$`)
  return tree === null ? null : takeApart(tree, body, 'f')
}

/** Each names its expressions e1, e2 …, in every place where there can be one. */
const PLACES: readonly string[] = [
  'declare v int := e1(); w constant int not null default e2(); begin end',
  'declare c cursor for select e1(); d cursor (a int) for select e2() where a > 1; begin open c; open d(e3()); end',
  'declare d cursor (a int) is select a; begin for r in d(e1()) loop perform e2(); end loop; end',
  'declare c refcursor; begin open c for select e1(); open c scroll for execute e2() using e3(), e4(); close c; end',
  'declare c refcursor; v int; begin fetch relative e1() from c into v; move forward e2() from c; end',
  'begin if e1() then perform e2(); elsif e3() then perform e4(); else perform e5(); end if; end',
  'begin case e1() when e2(), e3() then perform e4(); else perform e5(); end case; end',
  'begin case when e1() then perform e2(); else null; end case; end',
  '<<l>> begin loop exit l when e1(); continue when e2(); perform e3(); end loop; end',
  'begin while e1() loop perform e2(); end loop; end',
  'begin for i in reverse e1() .. e2() by e3() loop perform e4(); end loop; end',
  'declare r record; begin for r in select e1() loop perform e2(); end loop; end',
  'declare r record; begin for r in execute e1() using e2(), e3() loop perform e4(); end loop; end',
  'declare v int; begin foreach v slice 0 in array e1() loop perform e2(); end loop; end',
  "begin raise notice '% %', e1(), e2() using message = e3(), detail := e4(); raise; end",
  'begin assert e1(), e2(); end',
  'declare v int; begin execute e1() into strict v using e2(); end',
  'begin perform e1(); exception when division_by_zero or others then perform e2(); when sqlstate $$22012$$ then declare v int := e3(); begin end; end',
  'declare a int[]; r record; begin a[e1()] := e2(); a[1:e3()] = null; r.x.y := e4(); end',
  'begin call p(e1()); do $$ begin perform e2(); end $$; insert into t values (e3()) returning e4() into x; end',
  'begin return next e1(); return query select e2(); return query execute e3() using e4(); return; end',
  'declare n int; begin get diagnostics n = row_count; get stacked diagnostics n := message_text; perform e1(); end',
]

describe('T6: every place of PL/pgSQL where something can be run is looked into', () => {
  test.each(PLACES)('%s', body => {
    const texts =
      codeOf(body)
        ?.parts.map(({ text }) => text)
        .join('\n') ?? ''
    const named = [...new Set(body.match(/\be\d\(\)/g))]
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter(name => !texts.includes(name))).toEqual([])
  })
})

test.each([
  'declare r record := e1(); begin end',
  'declare r public.customers default e1(); begin end',
  'declare r record not null = e1(); n int := 1; begin n := 2; end',
])('T6: what the parser leaves out is missed: %s', body => {
  expect(parser.parse(`CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $q$${body}$q$`)).not.toBeNull()
  expect(codeOf(body)).toBeNull()
})

test('variables, labels, aliases and the row of a trigger are known by name', () => {
  const body = 'declare was alias for old; n int; begin <<l>> begin n := 1; end; return new; end'
  const code = codeOf(body, 'CREATE FUNCTION f() RETURNS trigger')
  for (const name of ['was', 'n', 'l', 'f', 'new', 'found', 'tg_op']) expect(code?.variables).toContain(name)
  expect(code?.rows).toEqual(new Set(['new', 'old', 'was']))
})

test('T5: code that breaks a parser is not understood, and the next is', async () => {
  expect(codeOf(`${'begin '.repeat(9_000)} null; ${'end; '.repeat(9_000)}`)).toBeNull()
  await new Promise(resolve => setTimeout(resolve, 200))
  expect(codeOf('begin return next 1; end')?.parts).toHaveLength(1)
  expect(codeOf('begin return next 1; ')).toBeNull()
  expect(codeOf('nothing of the kind')).toBeNull()
})
