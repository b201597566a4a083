import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { postgresClassifier } from './classify.ts'
import { type Grammar, loadGrammar, MAJORS } from './engine.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { type SessionCommand, withName } from './session-command.ts'
import { splitStatements } from './split.ts'

const grammars = new Map<number, Grammar>()
beforeAll(async () => {
  for (const major of MAJORS) grammars.set(major, await loadGrammar(major))
})

describe.each(MAJORS)('PostgreSQL %i', major => {
  const read = (text: string): { readonly text: string; readonly command: SessionCommand | null } => {
    const grammar = grammars.get(major)
    if (grammar === undefined) throw new Error('no grammar')
    const splitting = splitStatements(text, grammar, DEFAULT_LIMITS)
    const [statement, second] = splitting.kind === 'split' ? splitting.statements : []
    if (statement === undefined || second !== undefined) throw new Error(`not one statement: ${text}`)
    return statement
  }
  /** The text with `"N"` for the name that was found, and the name. */
  const renamed = (text: string): readonly unknown[] => {
    const { text: read_, command } = read(text)
    return command === null || !('at' in command)
      ? [command?.kind ?? null]
      : [command.kind, command.at.name, withName(command.at, read_, 'N')]
  }

  test.each([
    ['prepare P as select 1', 'prepare', 'p', 'prepare "N" as select 1'],
    ['prepare "P"as select 1', 'prepare', 'P', 'prepare "N"as select 1'],
    [
      'prepare "as" (int, numeric(10,2)) as select $1',
      'prepare',
      'as',
      'prepare "N" (int, numeric(10,2)) as select $1',
    ],
    ['execute p', 'execute', 'p', 'execute "N"'],
    ['execute"p"(1)', 'execute', 'p', 'execute"N"(1)'],
    ['declare "c"cursor for select 1', 'declare', 'c', 'declare "N"cursor for select 1'],
    ['declare c binary scroll cursor with hold for table t', 'declare', 'c', undefined],
    ['fetch c', 'fetch', 'c', 'fetch "N"'],
    ['fetch backward all in c', 'fetch', 'c', 'fetch backward all in "N"'],
    ['fetch next', 'fetch', 'next', 'fetch "N"'],
    ['fetch next next', 'fetch', 'next', 'fetch next "N"'],
    ['fetch -2 from"c"', 'fetch', 'c', 'fetch -2 from"N"'],
    ['move absolute 2 c', 'fetch', 'c', 'move absolute 2 "N"'],
    ['close c', 'close', 'c', 'close "N"'],
    ['deallocate prepare', 'deallocate', 'prepare', 'deallocate "N"'],
    ['deallocate prepare p', 'deallocate', 'p', 'deallocate prepare "N"'],
    ['delete from t where current of c', 'current-of', 'c', 'delete from t where current of "N"'],
    [
      'update t set a = 1 where current   of "C" returning a',
      'current-of',
      'C',
      'update t set a = 1 where current   of "N" returning a',
    ],
    [
      `delete from t where current of U&"c" uescape '!' returning a`,
      'current-of',
      'c',
      'delete from t where current of "N" returning a',
    ],
    ['/* x */ fetch /* from d */ c -- d', 'fetch', 'c', 'fetch              "N"'],
  ])('%s', (text, kind, name, to) => {
    const [is, of, as] = renamed(text)
    expect([is, of]).toEqual([kind, name])
    if (to !== undefined) expect(as).toBe(to)
  })

  test.each([
    [`fetch U&"d!0061t!+000061" uescape '!'`, 'data', 'fetch "N"'],
    [`fetch 1 from U&"d\\0061ta"`, 'data', 'fetch 1 from "N"'],
    [`execute U&"d!0061t" uescape '!' (1)`, 'dat', 'execute "N" (1)'],
    [`prepare u&"A" uescape '!' (int) as select 1`, 'A', 'prepare "N" (int) as select 1'],
    ['close "Say ""hi"""', 'Say "hi"', 'close "N"'],
    ['close Größe', 'größe', 'close "N"'],
    ['close ÄB', 'Äb', 'close "N"'],
  ])('P4: names are read as the server reads them: %s', (text, name, to) => {
    expect(renamed(text).slice(1)).toEqual([name, to])
  })

  test('P4: a name is cut to 63 bytes, between characters', () => {
    expect(renamed(`close ${'x'.repeat(70)}`)[1]).toBe('x'.repeat(63))
    expect(renamed(`close "${'x'.repeat(62)}éé"`)[1]).toBe('x'.repeat(62))
  })

  test.each([
    ['prepare p as select 1', 'prepare p as ', 'select 1'],
    ["prepare p (text) as with x as (select 'as') table x", 'prepare p (text) as ', "with x as (select 'as') table x"],
    [
      'prepare p(timestamp(3) with time zone,"as")as(select 1)',
      'prepare p(timestamp(3) with time zone,"as")as',
      '(select 1)',
    ],
    ['prepare "p"as values (1)', 'prepare "p"as ', 'values (1)'],
  ])('the query of %s', (text, before, query) => {
    expect(read(text).command).toMatchObject({ kind: 'prepare', before, query })
  })

  test.each([
    ['execute p', []],
    ["execute p (1, -5, 2.50, 'it''s', null, true, false, 0)", ['1', '-5', '2.50', "it's", null, 'true', 'false', '0']],
    ["execute p ('1'::int, date '2020-01-01', cast(null as text))", ["'1'::int4", "'2020-01-01'::date", null]],
    ["execute p ('{1,2}'::int[], pg_catalog.text 'x')", ["'{1,2}'::int4[]", "'x'::text"]],
  ])('%s', (text, values) => {
    expect(read(text).command).toMatchObject({ kind: 'execute', values })
  })

  test.each([
    'now()',
    '1 + 1',
    '(select ssn from customers)',
    '$1',
    'array[1]',
    'current_user',
    "'x'::mood",
    "'x'::public.text",
    "'12'::char(1)",
    "'customers'::regclass",
    "b'01'",
    "row(1, 'x')",
    "'a' || 'b'",
    "('x'::mood)::text",
  ])('P11: EXECUTE with %s is none with constants', argument => {
    expect(read(`execute p (1, ${argument})`).command).toMatchObject({ kind: 'execute', values: null })
  })

  test.each([
    ['prepare u as delete from t where current of c'],
    ['with x as (update t set a = 1 where current of c returning a) table x'],
    ['explain delete from t where current of c'],
    ['delete from t where current of c and true', 'SYNTAX'],
  ])('P4: a cursor that is named where it is not followed is told: %s', (text, is = 'unclear') => {
    if (is === 'SYNTAX') expect(() => read(text)).toThrow()
    else expect(read(text).command).toEqual({ kind: 'unclear' })
  })

  test.each([
    ['close all', { kind: 'close-all' }],
    ['deallocate all', { kind: 'deallocate-all' }],
    ['deallocate prepare all', { kind: 'deallocate-all' }],
    ['savepoint "S"', { kind: 'savepoint', name: 'S' }],
    ['release S', { kind: 'release', name: 's' }],
    ['rollback work to savepoint s', { kind: 'rollback-to', name: 's' }],
    ['commit and chain', { kind: 'end-transaction' }],
    ['end', { kind: 'end-transaction' }],
    ['abort', { kind: 'end-transaction' }],
    ["prepare transaction 'x'", { kind: 'end-transaction' }],
    ["commit prepared 'x'", null],
    ['begin', null],
    ["select 'current of c'", null],
    ["insert into t values ('fetch c')", null],
    ['discard plans', null],
  ])('%s', (text, command) => {
    expect(read(text).command).toEqual(command)
  })

  test('where a cursor holds and what form it gives', () => {
    const plain = read('declare c cursor for select 1').command
    expect(plain).toMatchObject({ kind: 'declare', isHold: false, isBinary: false })
    expect(read('declare c binary insensitive no scroll cursor with hold for select 1').command).toMatchObject({
      kind: 'declare',
      isHold: true,
      isBinary: true,
    })
    expect(read('move c').command).toMatchObject({ kind: 'fetch', isMove: true })
    expect(read('fetch c').command).toMatchObject({ kind: 'fetch', isMove: false })
  })
})

test('a text that is another up to the name gets no name', () => {
  const at = { name: 'c', before: 'declare ', written: 'c' }
  expect(withName(at, 'declare c cursor for select (select 1)', 'qw_1')).toBe(
    'declare "qw_1" cursor for select (select 1)',
  )
  expect(withName(at, 'declare  c cursor for select 1', 'qw_1')).toBeNull()
})

test('P4: what names objects is read each time, however alike two texts are', async () => {
  const { classify, split } = await postgresClassifier({ majors: [18], cacheEntriesMax: 100, limits: DEFAULT_LIMITS })
  const catalog = smallCatalog()
  for (const text of ['declare c cursor for select 1', "prepare p as select 'a'", 'execute p (1)', 'fetch 2 from c']) {
    for (const one of [text, text.replace(/[12]/, '7').replace("'a'", "'b'")]) {
      const splitting = split(one, 18)
      expect(splitting.kind === 'split' && splitting.statements[0]?.command).not.toBeNull()
      classify({ dialect: 'postgres', text: one, params: [] }, { ...catalog, major: 18 })
    }
  }
})

test.each(['explain execute p', 'explain analyze execute p (1)', 'create table t2 as execute p'])(
  'P4: %s is for no policy to allow',
  async text => {
    const { classify } = await postgresClassifier({ majors: [18], cacheEntriesMax: 100, limits: DEFAULT_LIMITS })
    const facts = classify({ dialect: 'postgres', text, params: [] }, { ...smallCatalog(), major: 18 })
    expect(facts).toMatchObject({ kind: 'understood', prohibitions: [{ code: 'UNSUPPORTED' }] })
  },
)
