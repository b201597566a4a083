import { describe, expect, test } from 'vitest'
import { copySource } from './copy-source.ts'

describe('P9: what a COPY takes its rows from', () => {
  test.each([
    ['copy (select ssn from people) to stdout', 'select ssn from people'],
    ['COPY(table people)TO STDOUT WITH (format csv, header)', 'table people'],
    [
      "copy (select ')' || $x$)$x$ || $$)$$, e'\\')' from t) to stdout",
      "select ')' || $x$)$x$ || $$)$$, e'\\')' from t",
    ],
    ["copy (select E'a'\n'\\')' from t) to stdout", "select E'a'\n'\\')' from t"],
    ['copy (select 1 as "a)(", U&"\\0029)" from t) to stdout', 'select 1 as "a)(", U&"\\0029)" from t'],
    ["copy (select 'it''s )' , n'x)' from t) to stdout", "select 'it''s )' , n'x)' from t"],
    ['copy ((select 1) union (select 2)) to stdin', '(select 1) union (select 2)'],
    ['copy (select a$b$c from t) to stdout', 'select a$b$c from t'],
    [
      "copy (with x as (insert into t values (')') returning *) table x) to stdout (delimiter ')')",
      "with x as (insert into t values (')') returning *) table x",
    ],
    ['copy people (ssn, "Name", ÄRGER) to stdout', 'SELECT "ssn", "Name", "Ärger" FROM ONLY people'],
    ['copy public."To"(SSN) to stdout csv', 'SELECT "ssn" FROM ONLY public."To"'],
    ['copy binary public . people to stdout', 'SELECT * FROM ONLY public.people'],
    ['copy people to stdout with binary', 'SELECT * FROM ONLY people'],
  ])('%s', (text, query) => {
    expect(copySource(text)).toEqual({ query, isExact: !query.includes('*') || text.includes('returning') })
  })

  test.each([
    'select 1',
    'copy people from stdin',
    "copy (select 1) to '/tmp/x'",
    "copy (select 1) to program 'x'",
    'copy (select 1 to stdout',
    "copy (select ') to stdout",
    'copy (select 1 /* ) */) to stdout',
    'copy (select 1) -- x\n to stdout',
    'copy (select $a$) to stdout',
    'copy a b to stdout',
    'copy a (b to stdout',
    'copy a (b c) to stdout',
    'copy to stdout',
    '',
  ])('nothing that it does not expect: %s', text => expect(copySource(text)).toBeNull())
})
