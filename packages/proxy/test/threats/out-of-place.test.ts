import {
  COPY_DONE,
  encodeCopyData,
  encodeCopyFail,
  encodeFunctionCall,
  encodeQuery,
  FLUSH,
  SYNC,
} from '@querywarden/wire/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Governed, govern, SCHEMA } from '../governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawDirect, runUnnamed } from '../raw-client.ts'
import { patientLogin } from './patient-login.ts'

const POLICY = `version: 1
rules:
  - { id: all, decision: allow, what: { effects: [read, write, ddl, dcl, session, transaction, procedural, maintenance, external, unknown] } }
`
const MORE = `
create table marks (what text);
create function leave_mark(text) returns text language plpgsql as $$ begin insert into marks values ($1); return $1; end $$;
`

let governed: Governed
beforeAll(async () => {
  // A superuser's account and a policy that allows everything: nothing but the conversation stands in between.
  governed = await govern({ policy: POLICY, schema: SCHEMA + MORE, targetUser: 'postgres' })
})
afterAll(() => governed.stop())

const login = async (): Promise<RawClient> => patientLogin(governed.gateway.postgres, await governed.token())
const query = (text: string): Uint8Array => encodeQuery({ query: text })
const data = (text: string): Uint8Array => encodeCopyData({ data: Buffer.from(text) })

describe('P7: functions called by number', () => {
  const classes: readonly (readonly [string, string, readonly string[]])[] = [
    ['that runs SQL', 'query_to_xml(text,boolean,boolean,text)', ["select leave_mark('by number')", 't', 'f', '']],
    ['that sets', 'set_config(text,text,boolean)', ['application_name', 'by number', 'f']],
    ['that reads files', 'pg_read_file(text)', ['PG_VERSION']],
    ['of large objects', 'lo_creat(integer)', ['-1']],
    ['that ends sessions', 'pg_terminate_backend(integer,bigint)', ['1', '0']],
    ['that is harmless', 'abs(integer)', ['-1']],
    ['of a user', 'public.leave_mark(text)', ['by number']],
    ['that is not there', '', ['x']],
  ]

  test.each(classes)('one %s is refused in every state, and does not run: %s', async (_class, signature, values) => {
    const [row] = await governed.database.exec(
      `select coalesce('${signature === '' ? '-' : signature}'::regprocedure::oid::int, 0) as oid`,
    )
    const call = encodeFunctionCall({
      functionOid: Number(row?.['oid']) || 999_999,
      argumentFormats: [],
      arguments: values.map(value => Buffer.from(value)),
      resultFormat: 'text',
    })
    const client = await login()
    const refused = expect.stringMatching(/^E ERROR 0A000 the function call protocol is not spoken here/)
    client.send(call)
    expect(await client.until('Z')).toEqual([refused, 'Z idle'])
    await client.query('begin')
    client.send(call)
    expect(await client.until('Z')).toEqual([refused, 'Z failed'])
    client.send(call)
    expect(await client.until('Z')).toEqual([refused, 'Z failed'])
    await client.query('rollback')
    client.send(runUnnamed("insert into marks values ('ahead of it')"), call, SYNC)
    expect(await client.until('Z')).toEqual([refused, 'Z idle'])
    client.send(runUnnamed("insert into marks values ('flushed ahead of it')"), FLUSH)
    await client.until('C')
    client.send(call, SYNC)
    expect((await client.until('Z'))[0]).toEqual(refused)
    client.send(query('select 1'))
    await client.until('C')
    client.socket.destroy()
    expect(await governed.database.exec('select * from marks')).toEqual([])
    expect(await governed.database.exec('select * from pg_largeobject_metadata')).toEqual([])
  })
})

describe('P9: every message in every state of COPY', () => {
  const messages: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ['Query', [query('select 1')]],
    ['Parse', [parse('', 'select 1')]],
    ['Bind', [bind('', '')]],
    ['Describe', [describePortal()]],
    ['Execute', [execute()]],
    ['Close', [Buffer.from('C\0\0\0\x06P\0', 'latin1')]],
    ['Flush', [FLUSH]],
    ['Sync', [SYNC]],
    [
      'FunctionCall',
      [encodeFunctionCall({ functionOid: 1397, argumentFormats: [], arguments: [], resultFormat: 'text' })],
    ],
    ['CopyData', [data('3\tthree\n')]],
    ['CopyDone', [COPY_DONE]],
    ['CopyFail', [encodeCopyFail({ reason: 'enough' })]],
    ['a password', [Buffer.from('p\0\0\0\x06x\0', 'latin1')]],
    ['an unknown message', [Buffer.from('!\0\0\0\x04', 'latin1')]],
    ['Terminate', [Buffer.from('X\0\0\0\x04', 'latin1')]],
  ]
  const begin = ['copy notes from stdin', "copy notes from stdin with (format csv, delimiter E'\\t')"]
  /** How the COPY is brought into the state, and what is done with the session when the message has come. */
  const states: readonly (readonly [string, readonly (Uint8Array | string)[]])[] = [
    ['just begun', [query(begin[0] ?? ''), 'G']],
    ['just begun, of CSV', [query(begin[1] ?? ''), 'G']],
    ['with a row', [query(begin[0] ?? ''), 'G', data('1\tone\n')]],
    ['in the middle of a row', [query(begin[0] ?? ''), 'G', data('1\tone\n2\tt')]],
    ['ended', [query(begin[0] ?? ''), 'G', data('1\tone\n'), COPY_DONE, 'Z']],
    ['given up', [query(begin[0] ?? ''), 'G', data('1\tone\n'), encodeCopyFail({ reason: 'no' }), 'Z']],
    ['failed by a bad row', [query(begin[0] ?? ''), 'G', data('bad\tone\n'), 'Z']],
    ['in a transaction', [query('begin'), 'Z', query(begin[0] ?? ''), 'G', data('1\tone\n')]],
    ['out, done', [query('copy orders to stdout'), 'Z']],
  ]

  beforeEach(() => governed.database.exec('delete from notes'))

  /** What comes of a message in a state, and what is stored. */
  async function play(
    session: RawClient,
    state: readonly (Uint8Array | string)[],
    message: readonly Uint8Array[],
  ): Promise<string[]> {
    for (const step of state) {
      if (typeof step === 'string') await session.until(step)
      else session.send(step)
    }
    session.send(...message)
    // Out of whatever it is in, and a last word.
    session.send(encodeCopyFail({ reason: 'done' }), SYNC, query('rollback'), query("select 'last'"))
    const lines: string[] = []
    while (!lines.includes('D last') && lines.at(-1) !== 'closed') lines.push(...(await session.until('Z')))
    const isOver = lines.at(-1) === 'closed'
    if (!isOver) session.socket.destroy()
    const stored = await stays()
    return [...(isOver ? ['over'] : lines.map(withoutWords)), ...stored]
  }

  const withoutWords = (line: string): string => line.replace(/^(E \w+ \w+).*/, '$1')

  /** What the notes are once nobody works on them. */
  async function stays(): Promise<string[]> {
    const busy =
      "select 1 from pg_stat_activity where pid <> pg_backend_pid() and datname = 'app' and (state = 'active' or xact_start is not null) and backend_type = 'client backend' and application_name = ''"
    for (let tries = 0; tries < 100 && (await governed.database.exec(busy)).length > 0; tries++)
      await new Promise(resolve => setTimeout(resolve, 10))
    return (await governed.database.exec('select id from notes order by id')).map(({ id }) => `stored ${String(id)}`)
  }

  describe.each(states)('%s', (_state, steps) => {
    test.each(messages)('P9: %s', async (name, message) => {
      const mine = await play(await login(), steps, message)
      await governed.database.exec('delete from notes')
      const theirs = await play(await rawDirect(governed.database), steps, message)
      // Called by number nothing is (P7); all the rest is as at the server, up to whether the session lives.
      if (name === 'FunctionCall' && mine.some(line => line === 'E ERROR 0A000'))
        expect(mine).toHaveLength(theirs.length)
      else expect(mine).toEqual(theirs)
    })
  })
})
