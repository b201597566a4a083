import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readRecording } from '@querywarden/recording'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { KEY_FILE, readRecordingKey } from '../src/open-recorder.ts'
import { askAll, errorOf, rowsOf, sendTo } from './asking.ts'
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

const send = (...messages: readonly Uint8Array[]): Promise<string[]> => sendTo(client, messages)
const all = (...texts: readonly string[]): Promise<string[]> => askAll(client, texts)
const noSecret = (lines: readonly string[]): void => {
  for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret)
}

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
