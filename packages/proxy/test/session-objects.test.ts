import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readRecording } from '@querywarden/recording'
import { encodeClose, encodeDescribe, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { KEY_FILE, readRecordingKey } from '../src/open-recorder.ts'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

const RULES = `${POLICY.replace(
  'rules:',
  `rules:
  - { id: no-secrets, decision: deny, what: { relations: ["public.secrets"] } }
  - { id: schema, decision: allow, who: { groups: [ai-agents] }, what: { effects: [ddl], relations: ["public.scratch"] } }`,
).replace('effects: [ddl, dcl, external]', 'effects: [dcl, external]')}  - { detect: [email], with: redact }
limits:
  - { who: { groups: [ai-agents] }, rows: 20 }
`

let governed: Governed
let client: RawClient
beforeAll(async () => {
  governed = await govern({
    targetUser: 'postgres',
    schema: `${SCHEMA} create table secrets (id int); create table scratch (id int);
      insert into notes select i, 'mail ada@example.com ' || i from generate_series(1, 50) i;`,
    policy: RULES,
  })
})
afterAll(() => governed.stop())
// A session of its own for each: nothing that one leaves behind is in another's way.
beforeEach(async () => {
  client?.socket.destroy()
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})

async function send(...messages: readonly Uint8Array[]): Promise<string[]> {
  client.send(...messages, SYNC)
  return client.until('Z')
}
const all = async (...texts: readonly string[]): Promise<string[]> => {
  const lines: string[] = []
  for (const text of texts) lines.push(...(await client.query(text)))
  return lines
}
const rowsOf = (lines: readonly string[]): readonly string[] => lines.filter(line => line.startsWith('D'))
const errorOf = (lines: readonly string[]): string => lines.find(line => line.startsWith('E'))?.slice(8, 13) ?? 'none'
const noSecret = (lines: readonly string[]): void => {
  for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret)
}
const closePortal = (name: string): Uint8Array => encodeClose({ kind: 'portal', name })
const closeStatement = (name: string): Uint8Array => encodeClose({ kind: 'statement', name })

const MASKED = 'select id, name, ssn, email from customers order by id'
const DETECTED = 'select id, body from notes where id <= 2 order by id'

describe('P4, P5: masked rows, however their statement is made and run', () => {
  const makeStatement = {
    'SQL PREPARE': (text: string) => client.query(`prepare s as ${text}`),
    'a protocol Parse': (text: string) => send(parse('s', text)),
  }
  const runStatement = {
    'SQL EXECUTE': () => client.query('execute s'),
    'SQL EXECUTE by the protocol': () => send(parse('', 'execute s'), bind('', ''), execute()),
    'SQL EXECUTE by the protocol, described and in binary': () =>
      send(parse('', 'execute s'), bind('', '', [], [1]), describePortal(), execute()),
    'a protocol Bind': () => send(bind('', 's'), execute()),
    'a protocol Bind, row by row': () => send(bind('p', 's'), execute('p', 1), execute('p', 1), execute('p', 1)),
    'DECLARE and FETCH of the same': async () => [
      ...(await client.query('begin')),
      ...(await send(bind('p', 's'))),
      ...(await client.query('fetch all from p')),
    ],
  }
  const makeCursor = {
    DECLARE: (text: string) => client.query(`declare c cursor for ${text}`),
    'DECLARE WITH HOLD': (text: string) => client.query(`declare c scroll cursor with hold for ${text}`),
    'DECLARE BINARY': (text: string) => client.query(`declare c binary cursor for ${text}`),
    'DECLARE by the protocol': (text: string) =>
      send(parse('', `declare c cursor for ${text}`), bind('', ''), execute()),
    'a protocol Bind': (text: string) => send(parse('', text), bind('c', '')),
    'a protocol Bind, described': (text: string) => send(parse('', text), bind('c', ''), describePortal('c')),
  }
  const runCursor = {
    'SQL FETCH': () => all('fetch c', 'move 0 from c', 'fetch forward 5 c'),
    'SQL FETCH in one query': () => client.query('fetch c; fetch all from c'),
    'SQL FETCH by the protocol': () =>
      send(parse('f', 'fetch 1 from c'), bind('', 'f'), execute(), bind('', 'f', [], [1]), describePortal(), execute()),
    'SQL FETCH by the protocol, row by row': () =>
      send(parse('', 'fetch all from c'), bind('f', ''), execute('f', 1), execute('f', 1), execute('f', 1)),
    'a protocol Execute': () => send(execute('c', 1), execute('c', 1), execute('c', 0)),
    'a protocol Execute and SQL FETCH': async () => [
      ...(await send(execute('c', 1))),
      ...(await client.query('fetch c')),
    ],
  }

  for (const [made, make] of Object.entries(makeStatement))
    for (const [run, go] of Object.entries(runStatement))
      test(`a statement by ${made}, run by ${run}`, async () => {
        for (const text of [MASKED, DETECTED]) {
          await make(text)
          const lines = await go()
          expect(rowsOf(lines), lines.join('\n')).toHaveLength(2)
          noSecret(lines)
          await all('rollback', 'deallocate all')
        }
      })

  for (const [made, make] of Object.entries(makeCursor))
    for (const [run, go] of Object.entries(runCursor))
      test(`a cursor by ${made}, run by ${run}`, async () => {
        for (const text of [MASKED, DETECTED]) {
          await client.query('begin')
          await make(text)
          const lines = await go()
          expect(rowsOf(lines), lines.join('\n')).toHaveLength(2)
          noSecret(lines)
          await all('rollback', 'deallocate all')
        }
      })

  test('a cursor WITH HOLD stays masked behind its transaction', async () => {
    await all(
      'begin',
      `declare c cursor with hold for ${MASKED}`,
      `declare d cursor with hold for ${DETECTED}`,
      'commit',
    )
    const lines = [...(await all('fetch all from c')), ...(await send(execute('d')))]
    expect(rowsOf(lines)).toHaveLength(4)
    noSecret(lines)
  })

  test('arguments are constants, and go where the masks are', async () => {
    await all('prepare s (int, text) as select name, ssn, $2 from customers where id = $1')
    expect(rowsOf(await client.query("execute s (1, 'x')"))).toEqual([expect.stringMatching(/^D Ada\|[^|]*\|x$/)])
    expect(rowsOf(await client.query("execute s ('2'::int, null)"))).toEqual([
      expect.stringMatching(/^D Grace\|[^|]*\|~$/),
    ])
    for (const argument of ['(select ssn from customers limit 1)', 'now()::text', "'a' || 'b'", "'x'::customers"])
      expect(errorOf(await client.query(`execute s (1, ${argument})`))).toBe('0A000')
    expect(errorOf(await send(parse('', 'execute s ($1, $2)', [23, 25])))).toBe('0A000')
    expect(errorOf(await client.query('execute s (1)'))).toBe('42601')
    noSecret([client.text])
  })

  test.each([
    'explain execute s',
    'explain analyze execute s',
    'explain (verbose, generic_plan) execute s',
    'create table scratch2 as execute s',
    'prepare t as delete from notes where current of c',
    'explain delete from notes where current of c',
  ])('what would run a named object inside another statement is refused: %s', async text => {
    await all(`prepare s as ${MASKED}`, 'begin', 'declare c cursor for select id from notes')
    const lines = await client.query(text)
    expect(['42501', '0A000', '42601']).toContain(errorOf(lines))
    expect(rowsOf(lines)).toEqual([])
  })

  test('errors of a masked cursor keep the words of the database', async () => {
    await all('begin', 'declare c cursor for select (ssn || name)::int from customers')
    const lines = await client.query('fetch c')
    expect(errorOf(lines)).toBe('22P02')
    expect(lines.join()).toContain('withheld')
  })
})

describe('P5: limits and clearance', () => {
  const until = async (...steps: readonly (() => Promise<string[]>)[]): Promise<[number, string]> => {
    let rows = 0
    for (const step of steps) {
      const lines = await step()
      rows += rowsOf(lines).length
      if (errorOf(lines) !== 'none') return [rows, errorOf(lines)]
    }
    return [rows, 'none']
  }
  const DECLARED = 'declare c scroll cursor for select id from notes'

  test('the row limit counts over all FETCHes and Executes of a cursor', async () => {
    await all('begin', DECLARED)
    const fetch = (text: string) => () => client.query(text)
    expect(await until(fetch('fetch 9 from c'), () => send(execute('c', 9)), fetch('fetch 9 from c'))).toEqual([
      20,
      '54000',
    ])
    await all('rollback', 'begin', DECLARED)
    expect(await until(fetch('fetch 15 c'), fetch('fetch backward 15 c'), fetch('fetch 15 c'))).toEqual([20, '54000'])
    await all('rollback', 'begin', DECLARED)
    expect(await until(fetch('fetch 15 c; fetch 15 c; fetch 15 c'))).toEqual([20, '54000'])
    await all('rollback', 'begin')
    await send(parse('', 'select id from notes'), bind('c', ''))
    expect(await until(() => send(execute('c', 12)), fetch('fetch 12 from c'))).toEqual([20, '54000'])
    await all('rollback', 'begin')
    await all('declare c cursor with hold for select id from notes', 'commit')
    expect(await until(fetch('fetch 12 from c'), fetch('begin'), fetch('fetch 12 from c'))).toEqual([20, '54000'])
  })

  test('MOVE shows nothing and counts nothing', async () => {
    await all('begin', DECLARED)
    expect(await client.query('move forward 40 in c')).toEqual(['C MOVE 40', 'Z transaction'])
    expect(rowsOf(await client.query('fetch 5 from c'))).toEqual(['D 41', 'D 42', 'D 43', 'D 44', 'D 45'])
  })

  test('what is denied is not prepared, declared or executed', async () => {
    expect(errorOf(await client.query('prepare s as select * from secrets'))).toBe('42501')
    expect(errorOf(await client.query('execute s'))).toBe('26000')
    expect(errorOf(await client.query('begin; '))).toBe('none')
    expect(errorOf(await client.query('declare c cursor for select * from secrets'))).toBe('42501')
    await all('rollback')
    expect(errorOf(await send(parse('s', 'prepare s as select * from secrets')))).toBe('42501')
    expect(errorOf(await client.query('prepare s as select 1; prepare t as select * from secrets'))).toBe('42501')
    expect(errorOf(await client.query('execute s'))).toBe('26000')
    expect(errorOf(await client.query('prepare s as delete from notes'))).toBe('42501')
  })

  test('N4: EXECUTE and FETCH are judged by the policy of the moment', async () => {
    await all('prepare s as select id from notes', 'begin', 'declare c cursor for select id from notes')
    await send(parse('p', 'select id from notes'), bind('p', 'p'), execute('p', 1))
    expect(rowsOf(await client.query('fetch c'))).toHaveLength(1)
    await writeFile(
      join(governed.dir, 'policy.yaml'),
      RULES.replace('rules:', 'rules:\n  - { id: closed, decision: deny, what: { relations: ["public.notes"] } }'),
    )
    await governed.gateway.reload(() => governed.config)
    try {
      for (const text of ['fetch c', 'move c', 'execute s']) {
        await client.query('savepoint a')
        expect(errorOf(await client.query(text)), text).toBe('42501')
        await client.query('rollback to a')
      }
      expect(errorOf(await send(execute('p', 1)))).toBe('42501')
    } finally {
      await writeFile(join(governed.dir, 'policy.yaml'), RULES)
      await governed.gateway.reload(() => governed.config)
    }
  })

  test('N4: EXECUTE after the schema changed under its masks is stale', async () => {
    await all(`prepare s as ${MASKED}`, 'begin', `declare c cursor with hold for ${MASKED}`, 'commit')
    await governed.database.exec('alter table customers add column extra int')
    // Any schema change through the gateway has it read anew.
    await all('alter table scratch add column x int', 'alter table scratch drop column x')
    expect(errorOf(await client.query('execute s'))).toBe('0A000')
    expect(errorOf(await client.query('fetch c'))).toBe('0A000')
    expect(errorOf(await send(bind('', 's'), execute()))).toBe('0A000')
    await all('deallocate s', `prepare s as ${MASKED}`)
    expect(rowsOf(await client.query('execute s'))).toHaveLength(2)
    await governed.database.exec('alter table customers drop column extra')
    await all('alter table scratch add column x int', 'alter table scratch drop column x')
    noSecret([client.text])
  })
})

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

test('P4: what is recorded is what ran', async () => {
  const ran: string[] = []
  const note = (lines: readonly string[]): void => {
    ran.push(...rowsOf(lines).map(line => line.slice(2)))
  }
  await all("prepare s as select 'u1' as u1", 'begin', "declare c cursor for select 'u2' as u2")
  await send(parse('t', "select 'u3' as u3"), bind('p', 't'))
  note(await client.query('execute s'))
  note(await client.query('fetch c'))
  note(await client.query('execute t'))
  note(await client.query('fetch p'))
  note(await client.query("deallocate s; prepare s as select 'u4' as u4; execute s"))
  note(await send(bind('', 's'), execute()))
  await client.query('savepoint a')
  await client.query("prepare s as select 'u5' as u5")
  await client.query('rollback to a')
  note(await client.query('execute s'))
  await client.query('commit')
  expect(ran).toEqual(['u1', 'u2', 'u3', 'u3', 'u4', 'u4', 'u4'])
  client.send(Buffer.from('X\0\0\0\x04', 'latin1'))
  await client.toEnd()
  await new Promise(resolve => setTimeout(resolve, 200))

  const kek = readRecordingKey(await readFile(join(governed.recordings, KEY_FILE), 'utf8'))
  const found = await readdir(governed.recordings, { recursive: true, withFileTypes: true })
  const texts: string[] = []
  for (const file of found.filter(entry => entry.isFile() && entry.name.endsWith('.dbrec')))
    for await (const event of readRecording(join(file.parentPath, file.name), { kek }))
      if (event.kind === 'intent' && / as u\d/.test(event.sql.redacted)) texts.push(event.sql.redacted)
  expect(texts).toEqual([
    "prepare s as select '?' as u1",
    "declare c cursor for select '?' as u2",
    "select '?' as u3",
    "select '?' as u1",
    "select '?' as u3",
    "prepare s as select '?' as u4",
    "select '?' as u4",
    "select '?' as u4",
    "prepare s as select '?' as u5",
    "select '?' as u4",
  ])
})
