import { DEFAULT_LIMITS, postgresClassifier } from '@querywarden/sql/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type BackendMessage, errorText, rowsIn } from '../../src/attacks/backend-message.ts'
import type { RawMessage } from '../../src/attacks/corpus-case.ts'
import { rawMessage } from '../../src/attacks/frontend-message.ts'
import { RawConnection, readCanaries } from '../../src/index.ts'
import { type GovernedDatabase, startGovernedDatabase } from '../governed-database.ts'

// Each was seen to work on bare servers of PostgreSQL 15 and 18. The account behind the gateway is a superuser's.
describe.each([15, 18] as const)('PostgreSQL %i', major => {
  let governed: GovernedDatabase
  let connection: RawConnection
  let canaries: readonly string[]

  beforeAll(async () => {
    governed = await startGovernedDatabase(major)
    canaries = Object.values(await readCanaries())
  }, 120_000)
  afterAll(() => governed?.stop())

  beforeEach(async () => {
    await governed.database.setUp([
      { role: 'superuser', sql: ['CREATE TABLE IF NOT EXISTS victim (a int)', 'TRUNCATE victim'] },
    ])
    connection = await login()
    return () => {
      for (const canary of canaries) expect(connection.received.includes(canary)).toBe(false)
      connection.close()
    }
  })

  const login = async (): Promise<RawConnection> => {
    const to = governed.login('superuser')
    const made = new RawConnection(to)
    expect(await made.login(to)).toBe(null)
    return made
  }
  const write = async (bytes: readonly Buffer[], ready = 1): Promise<readonly BackendMessage[]> => {
    const { messages, end } = await connection.exchange(Buffer.concat(bytes), {
      ready,
      copyData: undefined,
      isExtended: true,
    })
    expect(end).toBe('ready')
    return messages
  }
  const send = (messages: readonly RawMessage[], ready = 1): Promise<readonly BackendMessage[]> =>
    write(messages.map(rawMessage), ready)
  const errorsIn = (messages: readonly BackendMessage[]): readonly string[] =>
    messages.filter(({ type }) => type === 'E').map(({ body }) => errorText(body).slice(0, 5))
  const query = (sql: string): Promise<readonly BackendMessage[]> => send([['Q', sql]])
  const rows = async (sql: string): Promise<unknown> => rowsIn(await query(sql))
  const victim = async (): Promise<unknown> => rows('SELECT count(*) FROM victim')
  const run = (sql: string): readonly RawMessage[] => [
    ['P', '', sql],
    ['B', '', ''],
    ['E', '', 0],
  ]
  /** A Query with bytes that are no UTF-8. */
  const rawQuery = (text: string): Buffer => {
    const bytes = Buffer.from(`Q    ${text}\0`, 'latin1')
    bytes.writeUInt32BE(bytes.length - 1, 1)
    return bytes
  }

  test.each([
    'SET standard_conforming_strings = off',
    "SELECT set_config('standard_conforming_strings', 'off', false)",
    'ALTER ROLE CURRENT_USER SET standard_conforming_strings = off',
    "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$",
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql SET standard_conforming_strings = off AS $$ SELECT 1 $$',
  ])('threats 8.1: %s can’t make a backslash hide a statement', async setter => {
    expect(errorsIn(await query(setter))).toHaveLength(1)
    expect(await rows("select 'a\\'' ; drop table victim; --'")).toEqual([["a\\' ; drop table victim; --"]])
    expect(await victim()).toEqual([['0']])
  })

  test('threats 8.2: no encoding in which a backslash ends a character, and no bytes that are not UTF-8', async () => {
    expect(errorsIn(await query("SET client_encoding = 'SJIS'"))).toHaveLength(1)
    expect(errorsIn(await write([rawQuery("select E'\x83\x5c'; drop table victim; --'")]))).toEqual(['22021'])
    expect(await victim()).toEqual([['0']])
  })

  test('threats 8.3: a setter and its payload in one write', async () => {
    const setter = run("select set_config('client_encoding','SJIS',false)").map(rawMessage)
    const messages = await write(
      [...setter, rawMessage(['S']), rawQuery("select E'\x83\x5c'; drop table victim; --'")],
      2,
    )
    expect(errorsIn(messages)).toEqual(['42501', '22021'])
    expect(await victim()).toEqual([['0']])
  })

  test('threats 8.4: a setter and its payload in one text', async () => {
    expect(errorsIn(await query("set standard_conforming_strings=off; select 'a\\'b'"))).toHaveLength(1)
    expect(await rows('SHOW standard_conforming_strings')).toEqual([['on']])
  })

  test('threats 8.5: NUL ends no text, and nothing hides behind it', async () => {
    const { split } = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    expect(split('select 1\0; drop table victim', major)).toMatchObject({ kind: 'opaque', code: 'HAS_NUL' })
    expect(errorsIn(await write([rawQuery('select 1\0; drop table victim')]))).toEqual(['08P01'])
    expect(await victim()).toEqual([['0']])
  })

  test('threats 8.6: what stands before a statement that fails or is refused, up to Sync, is taken back', async () => {
    await send([...run('INSERT INTO victim VALUES (1)'), ['S']])
    expect(await victim()).toEqual([['1']])
    for (const bad of ['select 1/0', 'selec', 'DROP TABLE victim']) {
      const messages = await send([...run('INSERT INTO victim VALUES (2)'), ...run(bad), ['S']])
      expect(errorsIn(messages)).toHaveLength(1)
      expect(await victim()).toEqual([['1']])
    }
  })

  test('threats 8.7: a text that ends its own transaction', async () => {
    const messages = await query('begin; insert into victim values (1); commit; select 1/0')
    expect(errorsIn(messages)).toHaveLength(1)
    expect(await victim()).toEqual([['0']])
  })

  test('threats 8.11: names of the protocol and of SQL mean the same on both sides, behind the masks', async () => {
    const taken = await send(
      [
        ['P', 's1', "select 'A'"],
        ['S'],
        ['P', 's1', 'DELETE FROM victim'],
        ['S'],
        ['B', '', 's1'],
        ['E', '', 0],
        ['S'],
      ],
      3,
    )
    expect(errorsIn(taken)).toEqual(['42P05'])
    expect(rowsIn(taken)).toEqual([['A']])

    await send([['P', 's2', 'SELECT id, ssn FROM customers WHERE id = 1'], ['S']])
    expect(await rows('EXECUTE s2')).toEqual([['1', expect.not.stringContaining('512-84')]])
    await query('PREPARE s3 AS SELECT id, ssn FROM customers WHERE id = 2')
    const bound = await send([['B', '', 's3'], ['E', '', 0], ['S']])
    expect(rowsIn(bound)).toEqual([['2', expect.not.stringContaining('603-19')]])

    await query('BEGIN')
    await query('DECLARE c1 CURSOR FOR SELECT id, ssn FROM customers ORDER BY id')
    expect(rowsIn(await send([['E', 'c1', 1], ['S']]))).toEqual([['1', expect.any(String)]])
    await send([['P', '', 'SELECT id, ssn FROM customers ORDER BY id'], ['B', 'portal', ''], ['E', 'portal', 1], ['S']])
    expect(await rows('FETCH ALL FROM portal')).toHaveLength(7)
    await query('COMMIT')
  })

  test('threats 8.12: a statement that was parsed reads the relation that it was judged for', async () => {
    await governed.database.setUp([
      {
        role: 'superuser',
        sql: [
          'CREATE SCHEMA IF NOT EXISTS e2',
          'DROP TABLE IF EXISTS e2.settings',
          "CREATE TABLE e2.settings AS SELECT 'e2' AS k",
        ],
      },
    ])
    await send([['P', 'st', 'SELECT k FROM settings ORDER BY 1'], ['S']])
    for (const setter of [
      "SELECT set_config('search_path','e2',false)",
      'SET search_path = e2',
      'SET LOCAL search_path TO e2',
    ])
      expect(errorsIn(await query(setter))).toHaveLength(1)
    const read = rowsIn(await send([['B', '', 'st'], ['E', '', 0], ['S']]))
    expect(read).toEqual([['currency'], ['free_shipping_over'], ['maintenance']])
  })

  test('threats 8.17: texts that are dear to parse are refused, spoil no parser, and hold up nobody', async () => {
    const other = await login()
    const dear = [
      `SELECT 1${'+1'.repeat(10_000)}`,
      `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`,
      `SELECT 1 IN (${'1,'.repeat(1_000_000)}1)`,
    ]
    for (let round = 0; round < 12; round++) {
      const answers = [query(dear[round % 2] ?? ''), other.query('SELECT 1')] as const
      const [refused, answered] = await Promise.all(answers)
      expect(errorsIn(refused)).toHaveLength(1)
      expect(rowsIn(answered.messages)).toEqual([['1']])
    }
    expect(errorsIn(await query(dear[2] ?? ''))).toHaveLength(1)
    expect(await rows('SELECT count(*) FROM orders')).toEqual([['10']])
    other.close()
  })

  test('P12, threats 8.18: a transaction that reads only does not become another', async () => {
    const statements = [
      'begin read only',
      'set transaction read write',
      'create table q(a int)',
      'insert into victim values (1)',
      'commit',
    ]
    for (const statement of statements) await query(statement)
    const begun = await query('begin read only; set transaction read write; create table q(a int)')
    expect(errorsIn(begun)).toHaveLength(1)
    await query('rollback')
    expect(await rows("SELECT to_regclass('public.q') IS NULL")).toEqual([['t']])
  })
})
