import { encodeQuery, FLUSH, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, SCHEMA } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawDirect, rawLogin, runUnnamed } from './raw-client.ts'

const POLICY = `version: 1
rules:
  - { id: most, decision: allow, what: { effects: [read, write, transaction, session, ddl, procedural, maintenance] } }
  - { id: no-audit, decision: deny, what: { relations: ["public.audit"] } }
`
const EXTRA = `
create table audit (id int);
create table parent (id int primary key);
create table child (id int primary key, parent int references parent deferrable initially deferred);
`

let governed: Governed
let client: RawClient
let direct: RawClient
beforeAll(async () => {
  governed = await govern({ policy: POLICY, schema: SCHEMA + EXTRA, targetUser: 'postgres' })
  client = await rawLogin(governed.gateway.postgres, await governed.token())
  direct = await rawDirect(governed.database)
})
afterAll(() => governed.stop())

const notes = async (): Promise<unknown> => governed.database.exec('select id, body from notes order by id')
const clean = (): Promise<unknown> => governed.database.exec('delete from notes; delete from child; delete from parent')

interface Played {
  readonly lines: readonly string[]
  readonly notes: unknown
}

/** What a session answers to a script of writes, each read to its ReadyForQuery, and what it leaves behind. */
async function play(session: RawClient, script: readonly (readonly Uint8Array[])[]): Promise<Played> {
  await clean()
  const lines: string[] = []
  for (const messages of script) {
    session.send(...messages)
    lines.push(...(await session.until('Z')))
  }
  return { lines: lines.filter(line => !line.startsWith('S ')), notes: await notes() }
}

/** As when the session was sent Flush: what came, without waiting for ReadyForQuery. */
async function answers(session: RawClient, upTo: string, ...messages: readonly Uint8Array[]): Promise<string[]> {
  session.send(...messages)
  return session.until(upTo)
}

const insert = (id: number): string => `insert into notes values (${id}, 'n')`

describe('P1: a Query is answered as the server itself would', () => {
  test.each<[string, readonly string[]]>([
    ['one', ['select 1']],
    ['many', ['select 1; select 2 as two, null as none; select generate_series(1, 3)']],
    ['nothing', ['']],
    ['only comments', [' -- nothing\n ; /* still */ ;']],
    ['statements between nothing', [';;select 1;;select 2;']],
    ['an error first', [`select 1/0; ${insert(1)}`]],
    ['an error last', [`${insert(1)}; ${insert(2)}; select 1/0`]],
    ['an error in the middle', [`${insert(1)}; select nope; ${insert(2)}`]],
    ['an unknown column, with its place', ['select 1; select é, nope from notes']],
    ['syntax', ['select 1; selec 2']],
    ['a duplicate key', [`${insert(1)}; ${insert(1)}`]],
    [
      'returning',
      [
        "insert into notes values (1,'a'),(2,'b') returning id, body; update notes set body = 'c' where id > 0; delete from notes where id = 1",
      ],
    ],
    ['a transaction', ['begin', insert(1), 'commit']],
    ['a transaction that fails', ['begin', insert(1), 'select 1/0', 'select 2', 'commit']],
    ['a rollback', ['begin', insert(1), 'rollback']],
    ['savepoints', ['begin', insert(1), 'savepoint s', 'select 1/0', 'rollback to s', insert(2), 'commit']],
    ['transaction control out of place', ['commit', 'rollback', 'begin', 'begin', 'commit']],
    [
      'settings',
      [
        "set timezone = 'Europe/Zurich'",
        'show timezone',
        "set datestyle = 'German'",
        "select date '2026-01-02'",
        'reset timezone',
        'reset datestyle',
      ],
    ],
    ['a deferred constraint', ['insert into child values (1, 99)', 'select count(*) from child']],
    [
      'a deferred constraint in the end',
      [`${insert(1)}; insert into child values (1, 99)`, 'select count(*) from child'],
    ],
    ['a deferred constraint at commit', ['begin', 'insert into child values (1, 99)', 'commit']],
    [
      'a table and its use',
      ['create table tt (a int)', 'insert into tt values (1)', 'select * from tt', 'drop table tt'],
    ],
    ['explain', ['explain (costs off) select * from notes where id = 1']],
  ])('%s', async (_name, texts) => {
    const script = texts.map(text => [encodeQuery({ query: text })])
    expect(shapes(await play(client, script))).toEqual(shapes(await play(direct, script)))
  })

  test('a transaction that ends inside one text is refused whole (corpus 7)', async () => {
    await clean()
    const lines = await client.query(`begin; ${insert(1)}; commit; select 1/0`)
    expect(lines).toEqual([expect.stringMatching(/^E ERROR 0A000/), 'Z idle'])
    expect(await notes()).toEqual([])
  })
})

describe('P2: a pipeline is answered as the server itself would', () => {
  test.each<[string, readonly (readonly Uint8Array[])[]]>([
    ['one', [[runUnnamed('select 1'), SYNC]]],
    ['three', [[runUnnamed(insert(1)), runUnnamed('select count(*) from notes'), runUnnamed(insert(2)), SYNC]]],
    ['only Sync', [[SYNC]]],
    [
      'an error, then what is skipped (corpus 6)',
      [[runUnnamed(insert(1)), runUnnamed('select nope'), runUnnamed(insert(2)), SYNC]],
    ],
    [
      'two pipelines in one write, the first fails',
      [
        [runUnnamed('select 1/0'), SYNC],
        [runUnnamed(insert(1)), SYNC],
      ],
    ],
    ['an empty statement', [[parse('', ''), bind('', ''), describePortal(), execute(), SYNC]]],
    [
      'unknown names',
      [
        [bind('', 'nope'), SYNC],
        [execute('nope'), SYNC],
        [describePortal('nope'), SYNC],
      ].map(one => [...one]),
    ],
    [
      'a deferred constraint',
      [
        [
          runUnnamed(insert(1)),
          parse('', 'insert into child values (1, 99)'),
          bind('', ''),
          execute(),
          parse('x', 'select 1'),
          SYNC,
        ],
      ],
    ],
    [
      'a transaction',
      [
        [runUnnamed('begin'), runUnnamed(insert(1)), SYNC],
        [runUnnamed('select 1/0'), SYNC],
        [runUnnamed('commit'), SYNC],
      ],
    ],
    ['two statements in one Parse', [[parse('', 'select 1; select 2'), SYNC]]],
  ])('%s', async (_name, script) => {
    const mine = await play(client, script)
    const theirs = await play(direct, script)
    expect(shapes(mine)).toEqual(shapes(theirs))
  })

  test('Flush answers without ending: then the same as at the server, to the Sync', async () => {
    for (const session of [client, direct]) {
      await clean()
      expect(await answers(session, 'C', runUnnamed(insert(1)), FLUSH)).toEqual(['1', '2', 'n', 'C INSERT 0 1'])
      expect((await answers(session, 'E', runUnnamed('select nope'), FLUSH)).at(-1)).toMatch(/^E ERROR 42703/)
      expect(await answers(session, 'Z', runUnnamed(insert(2)), SYNC)).toEqual(['Z idle'])
      expect(await notes()).toEqual([])
    }
  })

  test('a Query behind a Flush, be it empty, ends the transaction that the Flush began', async () => {
    await clean()
    await answers(client, 'C', runUnnamed(insert(3)), FLUSH)
    expect(await client.query('')).toEqual(['I', 'Z idle'])
    expect(await notes()).toHaveLength(1)
    await clean()
    await answers(client, 'C', runUnnamed(insert(1)), FLUSH)
    expect(await client.query(insert(2))).toEqual(['C INSERT 0 1', 'Z idle'])
    expect(await notes()).toHaveLength(2)
  })
})

/** An unknown name and bad syntax are found, and worded, by the gateway. */
const shapes = ({ lines, notes }: Played): Played => ({
  lines: lines.map(line => line.replace(/^(E ERROR (?:26000|34000|42601)).*/, '$1')),
  notes,
})

describe('P2: a denial in a pipeline', () => {
  const denied = runUnnamed('insert into audit values (1)')

  test('commits nothing of it', async () => {
    await clean()
    client.send(runUnnamed(insert(1)), denied, runUnnamed(insert(2)), SYNC)
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 42501/), 'Z idle'])
    expect(await notes()).toEqual([])
    expect(await client.query(`${insert(1)}; insert into audit values (1)`)).toEqual([
      expect.stringMatching(/^E ERROR 42501/),
      'Z idle',
    ])
    expect(await notes()).toEqual([])
  })

  test('takes back what was flushed before it', async () => {
    await clean()
    await answers(client, 'C', runUnnamed(insert(1)), FLUSH)
    client.send(denied, SYNC)
    expect(await client.until('Z')).toEqual([expect.stringMatching(/^E ERROR 42501/), 'Z idle'])
    await answers(client, 'C', runUnnamed(insert(1)), FLUSH)
    expect(await client.query('insert into audit values (1)')).toHaveLength(2)
    expect(await notes()).toEqual([])
  })

  test('aborts the transaction that it is in: COMMIT then rolls back', async () => {
    await clean()
    await client.query('begin')
    await client.query(insert(1))
    expect((await client.query('insert into audit values (1)')).at(-1)).toBe('Z failed')
    expect((await client.query('select 1'))[0]).toMatch(/^E ERROR 25P02/)
    expect(await client.query('commit')).toEqual(['C ROLLBACK', 'Z idle'])
    expect(await notes()).toEqual([])
  })

  test('behind a flushed error leaves one ReadyForQuery per Sync', async () => {
    await answers(client, 'E', runUnnamed('select 1/0'), FLUSH)
    client.send(denied, SYNC, SYNC, runUnnamed('select 1'), SYNC)
    const lines = [...(await client.until('Z')), ...(await client.until('Z')), ...(await client.until('Z'))]
    expect(lines).toEqual(['Z idle', 'Z idle', '1', '2', 'T', 'D 1', 'C SELECT 1', 'Z idle'])
  })
})
