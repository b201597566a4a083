import fc from 'fast-check'
import { MALFORMED_NAMES, type Move } from './moves.ts'

/** Parts of the protocol that this gateway may or may not serve. What it doesn't serve is not thought up. */
export interface Served {
  /** SQL PREPARE, EXECUTE, DECLARE, FETCH, CLOSE, DEALLOCATE. */
  readonly sqlNames: boolean
}

export const TABLES = `
create table t (id int primary key, v text);
create table child (id int primary key, parent int references t deferrable initially deferred);
`
export const RESET = `delete from child; delete from t; insert into t values (1, 'one'), (2, 'two');`
export const CONTENTS = `select (select json_agg(t order by id) from t) as t, (select json_agg(child order by id) from child) as child;`

const READS = [
  'select 1 as one',
  "select 'a' as a, null as b, 2.5 as c",
  'select generate_series(1, 5) as n',
  'select id, v from t order by id',
  'select count(*) from t',
  'show timezone',
  'select v from t where id = 99',
  'select',
]
const PARAMETRIC = [
  'select $1::int as p',
  'select id from t where id >= $1 order by id',
  "insert into t values ($1, 'p')",
  'select $1::text, $2::text',
]
const WRITES = [
  "insert into t values (3, 'three')",
  "insert into t values (4, 'four') returning id, v",
  "insert into t values (3, 'again')",
  "update t set v = 'new' where id = 1",
  'delete from t where id = 2',
  'insert into child values (1, 1)',
  'insert into child values (2, 99)',
]
const FAULTY = [
  'select 1/0',
  'select nope',
  'selec 1',
  'select * from nowhere',
  'select id / 0 from t',
  "select 'x'::int",
  'select 5 / (3 - generate_series(1, 5)) as q',
  "insert into t values (1, 'taken')",
]
const EMPTY = ['', ' -- nothing', ' ; ; ']
const CONTROL = [
  'begin',
  'commit',
  'rollback',
  'start transaction read only',
  'savepoint a',
  'release a',
  'rollback to a',
  'end',
  'abort',
  'begin isolation level serializable',
  'set transaction read only',
  'set constraints all immediate',
]
const SETTINGS = [
  "set timezone = 'Europe/Zurich'",
  "set local datestyle = 'German'",
  'reset timezone',
  "select date '2026-01-02'",
]
const COPIES_OUT = [
  'copy (select v, id from t order by id) to stdout',
  'copy (select id from t order by id) to stdout csv',
  'copy (select 1/0) to stdout',
]
const COPIES_IN = ['copy t from stdin', 'copy t (id) from stdin csv']
const SQL_NAMES = [
  'prepare q as select id from t order by id',
  'prepare q2 (int) as select $1 + 1',
  "prepare w as insert into t values (5, 'five')",
  'prepare s as select 1',
  'prepare broken as select nope',
  'execute q',
  'execute q2 (41)',
  "execute q2 ('x')",
  'execute w',
  'execute s',
  'execute missing',
  'deallocate q',
  'deallocate s',
  'deallocate missing',
  'deallocate all',
  'declare c cursor for select id, v from t order by id',
  'declare c scroll cursor for select generate_series(1, 5)',
  'declare h cursor with hold for select id from t order by id',
  'declare p cursor for select 7',
  'fetch c',
  'fetch 2 from c',
  'fetch all from c',
  'fetch all from h',
  'fetch backward 1 from c',
  'fetch all from p',
  'move 1 from c',
  'close c',
  'close p',
  'close all',
]

const GOOD_ROW = '7\tcopied\n'
const BAD_ROW = 'x\ty\n'
const COPY_DATA = [GOOD_ROW, '8\tmore\n9\t\\N\n', BAD_ROW, '1\ttaken\n', '']

/** A row that ends a COPY as soon as the server sees it. */
export const isBadCopyData = (text: string): boolean => text.includes('x')

/** Names of statements and portals, which the script that a run ends with closes. */
export const STATEMENT_NAMES: readonly string[] = ['', 's', 's2']
export const PORTAL_NAMES: readonly string[] = ['', 'p', 'c']

/** Lists of moves, most of them sensible, at most 40 in all. */
export function scripts(served: Served): fc.Arbitrary<readonly Move[]> {
  const oneOf = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts)
  const sql = fc.oneof(
    { weight: 6, arbitrary: oneOf(...READS) },
    { weight: 6, arbitrary: oneOf(...WRITES) },
    { weight: 6, arbitrary: oneOf(...CONTROL) },
    { weight: 4, arbitrary: oneOf(...FAULTY) },
    { weight: 1, arbitrary: oneOf(...EMPTY) },
    { weight: 2, arbitrary: oneOf(...SETTINGS) },
    { weight: 2, arbitrary: oneOf(...COPIES_OUT) },
    { weight: 1, arbitrary: oneOf(...COPIES_IN) },
    ...(served.sqlNames ? [{ weight: 8, arbitrary: oneOf(...SQL_NAMES) }] : []),
  )
  const text = fc.oneof(
    { weight: 5, arbitrary: sql },
    { weight: 3, arbitrary: fc.array(sql, { minLength: 2, maxLength: 3 }).map(all => all.join('; ')) },
  )
  const prepared = fc.oneof(
    { weight: 6, arbitrary: sql },
    { weight: 4, arbitrary: oneOf(...PARAMETRIC) },
    { weight: 1, arbitrary: text },
  )
  const statement = fc.constantFrom(...STATEMENT_NAMES)
  const portal = fc.constantFrom(...PORTAL_NAMES)
  const rows = fc.constantFrom(0, 0, 1, 2, 100)
  const parameters = fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 4, arbitrary: fc.constantFrom<(string | null)[]>(['1'], ['5'], [null], ['x']) },
    { weight: 1, arbitrary: fc.constant(['1', '2']) },
  )
  const resultFormats = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom<number[]>([], [0]) },
    { weight: 3, arbitrary: fc.constant([1]) },
    { weight: 1, arbitrary: fc.constantFrom([0, 1], [1, 0, 1]) },
  )
  const what = fc.constantFrom<('statement' | 'portal')[]>('statement', 'portal')

  const query = text.map((text): Move => ({ kind: 'query', text }))
  const parse = fc.record({ kind: fc.constant('parse' as const), name: statement, text: prepared })
  const bind = fc.record({ kind: fc.constant('bind' as const), portal, statement, parameters, resultFormats })
  const describe = fc.record({ kind: fc.constant('describe' as const), what, name: fc.oneof(statement, portal) })
  const close = fc.record({ kind: fc.constant('close' as const), what, name: fc.oneof(statement, portal) })
  const execute = fc.record({ kind: fc.constant('execute' as const), portal, rows })
  const copyData = oneOf(...COPY_DATA).map((text): Move => ({ kind: 'copy-data', text }))
  const mark = fc.constantFrom<Move[]>({ kind: 'flush' }, { kind: 'sync' }, { kind: 'sync' }, { kind: 'sync' })
  const odd = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<Move[]>({ kind: 'copy-done' }, { kind: 'copy-fail' }) },
    { weight: 3, arbitrary: copyData },
    { weight: 1, arbitrary: fc.constant<Move>({ kind: 'function-call' }) },
    { weight: 2, arbitrary: fc.constantFrom(...MALFORMED_NAMES).map((what): Move => ({ kind: 'malformed', what })) },
  )
  const one = fc.oneof<fc.WeightedArbitrary<Move>[]>(
    { weight: 4, arbitrary: parse },
    { weight: 4, arbitrary: bind },
    { weight: 2, arbitrary: describe },
    { weight: 5, arbitrary: execute },
    { weight: 1, arbitrary: close },
    { weight: 5, arbitrary: mark },
    { weight: 1, arbitrary: odd },
  )
  const run = fc
    .record({
      parse,
      bind,
      describe: fc.boolean(),
      executions: fc.array(execute, { minLength: 1, maxLength: 3 }),
      mark: fc.option(mark),
    })
    .map(({ parse, bind, describe, executions, mark }): Move[] => [
      parse,
      { ...bind, statement: parse.name },
      ...(describe ? [{ kind: 'describe', what: 'portal', name: bind.portal } as const] : []),
      ...executions.map(execution => ({ ...execution, portal: bind.portal })),
      ...(mark === null ? [] : [mark]),
    ])
  const copy = fc
    .record({
      isQuery: fc.boolean(),
      text: oneOf(...COPIES_IN),
      data: fc.array(copyData, { maxLength: 3 }),
      end: fc.constantFrom<Move[]>({ kind: 'copy-done' }, { kind: 'copy-done' }, { kind: 'copy-fail' }),
    })
    .map(({ isQuery, text, data, end }): Move[] =>
      isQuery
        ? [{ kind: 'query', text }, ...data, end]
        : [
            { kind: 'parse', name: '', text },
            { kind: 'bind', portal: '', statement: '', parameters: [], resultFormats: [] },
            { kind: 'execute', portal: '', rows: 0 },
            { kind: 'sync' },
            ...data,
            end,
            { kind: 'sync' },
          ],
    )
  const anything = fc.array(
    fc.oneof<fc.WeightedArbitrary<Move[]>[]>(
      { weight: 4, arbitrary: query.map(one => [one]) },
      { weight: 4, arbitrary: query.map((one): Move[] => [{ kind: 'sync' }, one]) },
      { weight: 6, arbitrary: run },
      { weight: 6, arbitrary: one.map(move => [move]) },
      { weight: 1, arbitrary: copy },
    ),
    { maxLength: 20 },
  )
  // In a transaction portals live on, and errors stay.
  const start = fc.constantFrom<Move[][]>([], [{ kind: 'query', text: 'begin' }])
  return fc.tuple(start, anything).map(([first, rest]) => [...first, ...rest.flat()].slice(0, MOVES_MAX))
}

const MOVES_MAX = 40
