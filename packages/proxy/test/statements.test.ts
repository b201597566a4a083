import { encodeFunctionCall, encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, SCHEMA } from './governed-database.ts'
import { bind, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

let governed: Governed
let client: RawClient
beforeAll(async () => {
  // The account is a superuser: nothing but the gateway stands between these statements and the table.
  governed = await govern({
    targetUser: 'postgres',
    schema: `${SCHEMA} create table victim (id int); create schema e2; create table e2.orders as select 'e2' as status;`,
  })
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})
afterAll(async () => {
  const [row] = await governed.database.exec(
    "select to_regclass('public.victim') is not null and to_regclass('public.q') is null as ok, rolconfig from pg_roles where rolname = 'postgres'",
  )
  expect(row).toEqual({ ok: true, rolconfig: null })
  await governed.stop()
})

const stillWorks = async (): Promise<void> => {
  expect(await client.query('select count(*) from orders')).toEqual(['T', 'D 3', 'C SELECT 1', 'Z idle'])
}
/** A message with these bytes as its body. */
const message = (tag: string, body: string): Buffer => {
  const bytes = Buffer.from(`${tag}    ${body}`, 'latin1')
  bytes.writeUInt32BE(bytes.length - 1, 1)
  return bytes
}
const rawQuery = (text: string): Buffer => message('Q', `${text}\0`)

describe('what the lexer depends on', () => {
  test.each([
    'set standard_conforming_strings = off',
    'set local standard_conforming_strings to off',
    'reset standard_conforming_strings',
    "select set_config('standard_conforming_strings', 'off', false)",
    "select pg_catalog.set_config('Standard_Conforming' || '_Strings', 'off', false)",
    "update pg_settings set setting = 'off' where name = 'standard_conforming_strings'",
    'alter role postgres set standard_conforming_strings = off',
    'alter database app set standard_conforming_strings = off',
    'alter system set standard_conforming_strings = off',
    'create function f() returns int language sql set standard_conforming_strings = off as $$ select 1 $$',
    "do $$ begin perform set_config('standard_conforming_strings', 'off', false); end $$",
    'set client_encoding = SJIS',
    "set names 'SJIS'",
    "select set_config('client_encoding', 'SJIS', false)",
    'set backslash_quote = on',
    'set role postgres',
    'set session authorization postgres',
    'reset all',
    'discard all',
    "select set_config('search_path', 'e2', false)",
    'set search_path = e2',
  ])('T1, T2, N1 (corpus 1, 2, 12): %s is refused', async text => {
    const lines = await client.query(text)
    expect(lines[0]).toMatch(/^E ERROR (42501|0A000)/)
    expect(lines.at(-1)).toBe('Z idle')
    expect(await client.query("select 'a\\'' ; drop table victim; --'")).toEqual([
      'T',
      "D a\\' ; drop table victim; --",
      'C SELECT 1',
      'Z idle',
    ])
  })

  test('T2 (corpus 2): bytes that are not UTF-8 are refused, and the session lives', async () => {
    client.send(rawQuery("select E'\x83\x5c'; drop table victim; --'"))
    expect((await client.until('Z'))[0]).toMatch(/^E ERROR 22021/)
    client.send(message('P', '\0select \x83\x5c\0\0\0'), bind('', ''), execute(), SYNC)
    expect((await client.until('Z')).map(line => line.slice(0, 13))).toEqual(['E ERROR 22021', 'Z idle'])
    await stillWorks()
  })

  test('T3 (corpus 3): a setter and its payload in one write: neither has its effect', async () => {
    client.send(
      parse('', "select set_config('client_encoding','SJIS',false)"),
      bind('', ''),
      execute(),
      SYNC,
      rawQuery("select E'\x83\x5c'; drop table victim; --'"),
    )
    const lines = [...(await client.until('Z')), ...(await client.until('Z'))]
    expect(lines.map(line => line.slice(0, 13))).toEqual(['E ERROR 42501', 'Z idle', 'E ERROR 22021', 'Z idle'])
    await stillWorks()
  })

  test('corpus 5: a NUL in a text is refused as malformed, and the session lives', async () => {
    client.send(rawQuery('select 1\0; drop table victim'))
    expect((await client.until('Z'))[0]).toMatch(/^E ERROR 08P01/)
    client.send(message('P', '\0select 1\0; drop table victim\0\0\0'), execute(), SYNC)
    expect((await client.until('Z')).map(line => line.slice(0, 13))).toEqual(['E ERROR 08P01', 'Z idle'])
    await stillWorks()
  })
})

describe('ways past a reader of SQL', () => {
  test('P7 (corpus 8): a function call by number is refused, in and out of an error', async () => {
    const call = encodeFunctionCall({
      functionOid: 2923,
      argumentFormats: [],
      arguments: ['select ssn from customers', 't', 'f', ''].map(text => Buffer.from(text)),
      resultFormat: 'text',
    })
    client.send(call)
    expect((await client.until('Z')).map(line => line.slice(0, 13))).toEqual(['E ERROR 0A000', 'Z idle'])
    client.send(execute('nowhere'), call, SYNC)
    expect((await client.until('Z')).map(line => line.slice(0, 13))).toEqual(['E ERROR 34000', 'Z idle'])
    await stillWorks()
  })

  test.each([
    "select query_to_xml('select ssn from customers', true, false, '')",
    "select pg_read_file('/etc/passwd')",
    "copy notes from program 'id'",
    "copy orders to '/tmp/x'",
    "select lo_import('/etc/passwd')",
    'select pg_terminate_backend(pg_backend_pid())',
    'select nextval(1)',
    'do $$ begin drop table victim; end $$',
    'with x as (delete from orders returning *) select * from x',
    'explain analyze delete from orders',
    'select * into q from orders',
    'listen customers',
    "notify customers, 'x'",
    "select pg_notify('c', ssn) from customers",
    'grant all on victim to public',
    'vacuum victim',
    'prepare p as delete from victim where id = 1; execute p',
  ])('P11: %s is refused', async text => {
    const lines = await client.query(text)
    expect(lines[0]).toMatch(/^E ERROR (42501|0A000|25001)/)
    expect(lines).toHaveLength(2)
    await stillWorks()
  })

  test('P12 (corpus 18): a transaction does not get out of read only to make a table', async () => {
    const lines = await client.query('begin read only; set transaction read write; create table q(a int)')
    expect(lines[0]).toMatch(/^E ERROR/)
    await client.query('begin read only')
    const answers = [await client.query('set transaction read write'), await client.query('create table q(a int)')]
    expect(answers[1]?.[0]).toMatch(/^E ERROR (42501|25P02)/)
    expect(await client.query('commit')).toEqual(['C ROLLBACK', 'Z idle'])
  })

  test.each([
    ['a chain of 10 000 operators', `select 1${'+1'.repeat(10_000)}`],
    ['a list of 100 000', `select 1 where 1 in (${'1,'.repeat(100_000)}1)`],
    ['20 000 parentheses', `select ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['10 000 comments', `select 1 ${'/**/'.repeat(10_000)}`],
  ])('T5 (corpus 17): %s is answered, and the next statement too', async (_name, text) => {
    client.send(encodeQuery({ query: text }))
    const lines = await client.until('Z')
    expect(lines.at(-1)).toBe('Z idle')
    await stillWorks()
  })
})

describe('sizes', () => {
  test('E2: a statement above the limit for statements is refused, and the session lives', async () => {
    client.send(encodeQuery({ query: `select '${'x'.repeat(2_000_000)}'` }))
    expect((await client.until('Z'))[0]).toMatch(/^E ERROR/)
    await stillWorks()
  })

  test('F27: a message above the limit for messages ends the session with a reason', async () => {
    const big = await rawLogin(governed.gateway.postgres, await governed.token())
    const bytes = Buffer.alloc(20_000_006, 32)
    bytes.write('Q')
    bytes.writeUInt32BE(bytes.length - 1, 1)
    big.send(bytes)
    expect(await big.toEnd()).toEqual([expect.stringMatching(/^E FATAL 54000 /), 'closed'])
  })

  test('E2: a message that only says it is huge costs nothing', async () => {
    const liar = await rawLogin(governed.gateway.postgres, await governed.token())
    liar.send(Buffer.from('Q\x7f\xff\xff\xff', 'latin1'))
    expect(await liar.toEnd()).toEqual([expect.stringMatching(/^E FATAL 54000 /), 'closed'])
  })

  test('E3: a message that no session has ends it with 08P01', async () => {
    const odd = await rawLogin(governed.gateway.postgres, await governed.token())
    odd.send(Buffer.from('!\0\0\0\x04', 'latin1'))
    expect(await odd.toEnd()).toEqual([expect.stringMatching(/^E FATAL 08P01 /), 'closed'])
  })
})
