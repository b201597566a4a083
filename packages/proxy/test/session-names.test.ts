import { encodeDescribe } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { askAll, closePortal, closeStatement, errorOf, rowsOf, sendTo } from './asking.ts'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

let governed: Governed
let client: RawClient
beforeAll(async () => {
  governed = await govern({
    schema: `${SCHEMA} create table secrets (id int); insert into notes select i, 'note ' || i from generate_series(1, 50) i;`,
    policy: POLICY.replace(
      'rules:',
      'rules:\n  - { id: no-secrets, decision: deny, what: { relations: ["public.secrets"] } }',
    ),
  })
})
afterAll(() => governed.stop())
// A session of its own for each: nothing that one leaves behind is in another's way.
beforeEach(async () => {
  client?.socket.destroy()
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})

const send = (...messages: readonly Uint8Array[]): Promise<string[]> => sendTo(client, messages)
const all = (...texts: readonly string[]): Promise<string[]> => askAll(client, texts)
const noSecret = (lines: readonly string[]): void => {
  for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret)
}

const MASKED = 'select id, name, ssn, email from customers order by id'

describe('P4: names', () => {
  test('a taken name keeps what it has, and the server says so', async () => {
    await all("prepare s as select 'first'", 'begin', "declare c cursor for select 'first'", 'savepoint a')
    for (const [text, code] of [
      ["prepare s as select 'second'", '42P05'],
      ["declare c cursor for select 'second'", '42P03'],
    ] as const) {
      expect(errorOf(await client.query(text))).toBe(code)
      await client.query('rollback to a')
    }
    expect(errorOf(await send(parse('s', "select 'second'")))).toBe('42P05')
    await client.query('rollback to a')
    expect(errorOf(await send(parse('', "select 'second'"), bind('c', '')))).toBe('42P03')
    await client.query('rollback to a')
    expect(rowsOf(await all('execute s', 'fetch c'))).toEqual(['D first', 'D first'])
    await send(parse('t', "select 'by protocol'"), bind('p', 't'))
    await client.query('savepoint a')
    expect(errorOf(await client.query("prepare t as select 'by SQL'"))).toBe('42P05')
    await client.query('rollback to a')
    expect(errorOf(await client.query("declare p cursor for select 'by SQL'"))).toBe('42P03')
    await client.query('rollback to a')
    expect(rowsOf(await all('execute t', 'fetch p'))).toEqual(['D by protocol', 'D by protocol'])
  })

  test('a statement that is made again in the batch that uses it is the new one', async () => {
    await client.query("prepare s as select 'old'")
    expect(rowsOf(await client.query("deallocate s; prepare s as select 'new'; execute s"))).toEqual(['D new'])
    const lines = await send(
      closeStatement('s'),
      parse('s', "select 'newest'"),
      parse('', 'execute s'),
      bind('', ''),
      execute(),
    )
    expect(rowsOf(lines)).toEqual(['D newest'])
    await client.query('begin')
    await client.query("declare c cursor for select 'old'")
    expect(rowsOf(await client.query("close c; declare c cursor for select 'new'; fetch c"))).toEqual(['D new'])
  })

  test('a statement that names a cursor finds the one that has the name by then', async () => {
    await send(
      parse('f', 'fetch all from c'),
      parse('d', "declare c cursor for select 'again'"),
      parse('x', 'execute s'),
    )
    for (const value of ['one', 'two']) {
      await all('begin', `declare c cursor for select '${value}'`, `prepare s as select 's ${value}'`)
      expect(rowsOf(await send(bind('', 'f'), describePortal(), execute()))).toEqual([`D ${value}`])
      expect(rowsOf(await send(bind('', 'x'), describePortal(), execute()))).toEqual([`D s ${value}`])
      await all('close c', 'deallocate s')
      expect(errorOf(await send(bind('', 'f'), execute()))).toBe('34000')
      await client.query('rollback')
    }
    for (let i = 0; i < 2; i++) {
      await client.query('begin')
      expect(rowsOf(await send(bind('', 'd'), execute(), bind('', 'f'), execute()))).toEqual(['D again'])
      await client.query('commit')
    }
  })

  test('a portal that was bound to a name runs only what had the name then', async () => {
    const REMADE = "deallocate s; prepare s as select 'new'; close c; declare c cursor for select 'new'"
    for (const [text, code] of [
      ['execute s', '26000'],
      ['fetch c', '34000'],
      ['close c', '34000'],
      ['deallocate s', '26000'],
    ] as const) {
      await all("prepare s as select 'old'", 'begin', "declare c cursor for select 'old'")
      await send(parse('', text), bind('p', ''))
      await client.query(REMADE)
      const lines = await send(execute('p'))
      expect([errorOf(lines), rowsOf(lines)]).toEqual([code, []])
      await all('rollback', 'deallocate all')
    }
  })

  test.each([
    ['prepare Foo as select 1', 'execute FOO'],
    ['prepare "Foo" as select 1', 'execute U&"F!006fo" uescape \'!\''],
    ['prepare "a ""b""; drop" as select 1', 'execute "a ""b""; drop"'],
    ['prepare/* x */p/**/as/* y */select 1', 'execute -- p\n p'],
    ['prepare "p"as select 1', 'execute"p"'],
    [`prepare ${'x'.repeat(80)} as select 1`, `execute ${'x'.repeat(63)}`],
    [`prepare "${'é'.repeat(40)}" as select 1`, `execute "${'é'.repeat(31)}"`],
    ['prepare Straße as select 1', 'execute "straße"'],
  ])('%s; %s', async (make, run) => {
    await client.query(make)
    expect(rowsOf(await client.query(run))).toEqual(['D 1'])
  })

  test.each([
    ['prepare Foo as select 1', 'execute "Foo"'],
    ['prepare "Foo" as select 1', 'execute Foo'],
    ['prepare p as select 1', 'execute qw_1'],
    ['prepare p as select 1', 'execute "p "'],
  ])('%s, and not %s', async (make, run) => {
    await client.query(make)
    expect(errorOf(await client.query(run))).toBe('26000')
  })

  test('names of messages are cut as the server cuts them', async () => {
    const long = 'y'.repeat(70)
    await send(parse(long, "select 'long'"))
    expect(rowsOf(await client.query(`execute ${'y'.repeat(63)}`))).toEqual(['D long'])
    expect(rowsOf(await send(bind('', `${'y'.repeat(63)}zz`), execute()))).toEqual(['D long'])
    expect(errorOf(await send(bind('', 'y'.repeat(62)), execute()))).toBe('26000')
  })

  test('Close, CLOSE and DEALLOCATE reach what the other side made', async () => {
    await all("prepare a as select 'a'", 'begin', "declare c cursor for select 'c'")
    await send(parse('b', "select 'b'"), bind('p', 'b'))
    expect(await send(closeStatement('a'), closePortal('c'))).toEqual(['3', '3', 'Z transaction'])
    expect(await all('deallocate b', 'close p')).toEqual([
      'C DEALLOCATE',
      'Z transaction',
      'C CLOSE CURSOR',
      'Z transaction',
    ])
    await client.query('savepoint s')
    for (const text of ['execute a', 'execute b', 'fetch c', 'fetch p', 'deallocate a', 'close p']) {
      expect(['26000', '34000'], text).toContain(errorOf(await client.query(text)))
      await client.query('rollback to s')
    }
    expect(errorOf(await send(bind('', 'b')))).toBe('26000')
  })

  test('CLOSE ALL and DEALLOCATE ALL drop those of the protocol too', async () => {
    await all("prepare a as select 'a'", 'begin', "declare c cursor for select 'c'")
    await send(parse('b', "select 'b'"), bind('p', 'b'))
    expect(await client.query('close all')).toEqual(['C CLOSE CURSOR ALL', 'Z transaction'])
    expect(errorOf(await send(execute('p')))).toBe('34000')
    await client.query('rollback')
    expect(await client.query('deallocate all')).toEqual(['C DEALLOCATE ALL', 'Z idle'])
    for (const name of ['a', 'b']) expect(errorOf(await send(bind('', name)))).toBe('26000')
    expect(rowsOf(await client.query("prepare a as select 'new'; execute a"))).toEqual(['D new'])
    expect(rowsOf(await client.query("deallocate all; prepare b as select 'b'; execute b"))).toEqual(['D b'])
    expect(await client.query('discard plans')).toEqual(['C DISCARD PLANS', 'Z idle'])
    expect(rowsOf(await client.query('execute b'))).toEqual(['D b'])
  })

  test('cursors end with their transaction, or their savepoint, or go on WITH HOLD', async () => {
    await all('begin', 'declare c cursor for select 1', 'declare h cursor with hold for select 2', 'commit')
    expect(errorOf(await client.query('fetch c'))).toBe('34000')
    expect(rowsOf(await client.query('fetch h'))).toEqual(['D 2'])
    await all('begin', 'close h', 'declare h2 cursor with hold for select 3', 'rollback')
    expect(errorOf(await client.query('fetch h2'))).toBe('34000')
    await all('begin', 'declare a cursor for select 4', 'savepoint s', 'declare b cursor for select 5', 'rollback to s')
    expect(rowsOf(await client.query('fetch a'))).toEqual(['D 4'])
    expect(await client.query('declare b cursor for select 6')).toEqual(['C DECLARE CURSOR', 'Z transaction'])
    expect(rowsOf(await client.query('release s; fetch b'))).toEqual([])
    await all('rollback')
    // To execute a cursor is not to declare it again.
    await all('begin', 'declare h3 cursor with hold for select 9', 'commit', 'begin')
    expect(rowsOf(await send(execute('h3')))).toEqual(['D 9'])
    await client.query('rollback')
    expect(await client.query('fetch h3')).toEqual(['T', 'C FETCH 0', 'Z idle'])
    // One that its Sync commits, and one that it does not.
    await send(parse('', 'declare k cursor with hold for select 7'), bind('', ''), execute())
    expect(rowsOf(await client.query('fetch k'))).toEqual(['D 7'])
    await send(
      parse('', 'declare l cursor with hold for select 8'),
      bind('', ''),
      execute(),
      parse('', 'select 1/0'),
      bind('', ''),
      execute(),
    )
    expect(errorOf(await client.query('fetch l'))).toBe('34000')
  })

  test('what a batch did not come to is not there, and what it did is', async () => {
    const lines = await client.query("prepare a as select 'a'; select 1/0; prepare b as select 'b'")
    expect(errorOf(lines)).toBe('22012')
    expect(rowsOf(await client.query('execute a'))).toEqual(['D a'])
    expect(errorOf(await client.query('execute b'))).toBe('26000')
    expect(errorOf(await client.query("prepare c as select 'c'; select * from secrets"))).toBe('42501')
    expect(errorOf(await client.query('execute c'))).toBe('26000')
    expect(errorOf(await client.query('prepare d as select nope'))).toBe('42703')
    expect(errorOf(await client.query('execute d'))).toBe('26000')
  })

  test('WHERE CURRENT OF finds the cursor of the client', async () => {
    await all('begin', 'declare "C" cursor for select id from notes order by id for update', 'move 3 from "C"')
    expect(await client.query('update notes set body = \'changed\' where current of "C" returning id')).toEqual([
      'T',
      'D 3',
      'C UPDATE 1',
      'Z transaction',
    ])
    await send(parse('u', 'delete from notes where current of "C"'))
    expect(await send(bind('', 'u'), execute())).toEqual(['2', 'C DELETE 1', 'Z transaction'])
    expect(errorOf(await client.query('delete from notes where current of other'))).toBe('34000')
    await client.query('rollback')
    expect(errorOf(await client.query('delete from notes where current of qw_1'))).toBe('34000')
  })

  test('Describe tells what SQL made', async () => {
    await all(
      'prepare s (int) as select id, ssn from customers where id = $1',
      'begin',
      `declare c cursor for ${MASKED}`,
    )
    const statement = (name: string): Uint8Array => encodeDescribe({ kind: 'statement', name })
    expect(await send(statement('s'), describePortal('c'))).toEqual(['t', 'T', 'T', 'Z transaction'])
    expect(await send(parse('', 'fetch c'), statement(''), parse('', 'execute s (1)'), statement(''))).toEqual([
      '1',
      't',
      'T',
      '1',
      't',
      'T',
      'Z transaction',
    ])
    expect(rowsOf(await send(bind('', 's', ['2']), execute()))).toHaveLength(1)
    noSecret([client.text])
  })

  test('a cursor takes parameters of the protocol', async () => {
    await client.query('begin')
    await send(
      parse('', 'declare c cursor for select name, ssn from customers where id = $1', [23]),
      bind('', '', ['2']),
      execute(),
    )
    const lines = await client.query('fetch all from c')
    expect(rowsOf(lines)).toEqual([expect.stringMatching(/^D Grace\|/)])
    noSecret(lines)
  })

  test('what psql sends under FETCH_COUNT', async () => {
    const lines = await all(
      'BEGIN',
      `DECLARE _psql_cursor NO SCROLL CURSOR FOR\n${MASKED}`,
      'FETCH FORWARD 1 FROM _psql_cursor',
      'FETCH FORWARD 1 FROM _psql_cursor',
      'FETCH FORWARD 1 FROM _psql_cursor',
      'CLOSE _psql_cursor',
      'COMMIT',
    )
    expect(lines.map(line => (line.startsWith('D') ? 'D' : line)).join()).toBe(
      'C BEGIN,Z transaction,C DECLARE CURSOR,Z transaction,T,D,C FETCH 1,Z transaction,T,D,C FETCH 1,Z transaction,T,C FETCH 0,Z transaction,C CLOSE CURSOR,Z transaction,C COMMIT,Z idle',
    )
    noSecret(lines)
  })
})
