import {
  COPY_DONE,
  encodeClose,
  encodeCopyData,
  encodeDescribe,
  encodeQuery,
  FLUSH,
  SYNC,
} from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawLogin } from './raw-client.ts'

let governed: Governed
let client: RawClient
beforeAll(async () => {
  governed = await govern({
    schema: `${SCHEMA} create table secrets (id int); insert into notes select i, 'mail ada@example.com' from generate_series(1, 7) i;`,
    policy: `${POLICY}  - { detect: [email], with: redact }\n`.replace(
      'rules:',
      'rules:\n  - { id: no-secrets, decision: deny, what: { relations: ["public.secrets"] } }',
    ),
  })
  client = await rawLogin(governed.gateway.postgres, await governed.token())
})
afterAll(() => governed.stop())

async function send(...messages: readonly Uint8Array[]): Promise<string[]> {
  client.send(...messages, SYNC)
  return client.until('Z')
}

const closeStatement = (name: string): Uint8Array => encodeClose({ kind: 'statement', name })
const closePortal = (name: string): Uint8Array => encodeClose({ kind: 'portal', name })
const noSecret = (lines: readonly string[]): void => {
  for (const secret of SECRETS) expect(lines.join('\n')).not.toContain(secret)
}

describe('P4: names', () => {
  test('a taken name keeps its statement (corpus 11)', async () => {
    expect(await send(parse('s1', "select 'A'"))).toEqual(['1', 'Z idle'])
    expect((await send(parse('s1', "select 'B'")))[0]).toMatch(/^E ERROR 42P05/)
    expect((await send(parse('s2', "select 'C'"), parse('s1', "select 'B'")))[0]).toMatch(/^E ERROR 42P05/)
    expect(await send(bind('', 's1'), execute())).toContain('D A')
    expect((await send(bind('', 's2'), execute()))[0]).toMatch(/^E ERROR 26000/)
  })

  test('a statement that did not parse at the server has no name', async () => {
    expect((await send(parse('bad', 'select nope')))[0]).toMatch(/^E ERROR 42703/)
    expect((await send(bind('', 'bad')))[0]).toMatch(/^E ERROR 26000/)
    expect(await send(parse('bad', 'select 1'))).toEqual(['1', 'Z idle'])
  })

  test('Close frees a name, and closing what is not there is no error', async () => {
    await send(parse('c', "select 'old'"))
    expect(await send(closeStatement('c'), closeStatement('c'), closeStatement('never'), closePortal('never'))).toEqual(
      ['3', '3', '3', '3', 'Z idle'],
    )
    expect((await send(bind('', 'c')))[0]).toMatch(/^E ERROR 26000/)
    expect(await send(parse('c', "select 'new'"), bind('', 'c'), execute())).toContain('D new')
    expect(await send(closeStatement('c'), parse('c', "select 'third'"), bind('', 'c'), execute())).toContain('D third')
  })

  test('the unnamed statement is replaced, and gone after a Query', async () => {
    await send(parse('', "select 'one'"))
    await send(parse('', "select 'two'"))
    expect(await send(bind('', ''), execute())).toContain('D two')
    await client.query('select 1')
    expect((await send(bind('', ''), execute()))[0]).toMatch(/^E ERROR 26000/)
  })

  test.each(['qw_1', '"qw_1"', 'qw_2'])(
    'SQL reaches nothing by the name that it has upstream: execute %s',
    async name => {
      expect((await client.query(`execute ${name}`))[0]).toMatch(/^E ERROR 26000/)
    },
  )

  test('a portal ends with its transaction', async () => {
    await send(parse('p', 'select 1'), bind('gone', 'p'))
    expect((await send(execute('gone')))[0]).toMatch(/^E ERROR 34000/)
    await client.query('begin')
    expect(await send(bind('kept', 'p'))).toEqual(['2', 'Z transaction'])
    expect((await send(bind('kept', 'p')))[0]).toMatch(/^E ERROR 42P03/)
    await client.query('rollback')
  })

  test('Describe of a statement and of a portal', async () => {
    expect(
      await send(
        parse('', 'select id, ssn from customers where id = $1', [23]),
        encodeDescribe({ kind: 'statement', name: '' }),
      ),
    ).toEqual(['1', 't', 'T', 'Z idle'])
    expect(await send(parse('', "insert into notes values (99, 'x')"), bind('', ''), describePortal())).toEqual([
      '1',
      '2',
      'n',
      'Z idle',
    ])
  })
})

describe('P5: portals that stop half-way', () => {
  test('every part of the rows is masked, and the last one says so (1, 1, 1, 0)', async () => {
    await client.query('begin')
    await send(parse('cust', 'select ssn, email from customers order by id'))
    const lines = await send(bind('c', 'cust'), execute('c', 1), execute('c', 1), execute('c', 1), execute('c', 0))
    expect(lines.map(line => line[0]).join('')).toBe('2DsDsCCZ')
    noSecret(lines)
    await client.query('commit')
  })

  test('detectors hold in every part, described or not, after a Flush, in another batch', async () => {
    for (const described of [[], [describePortal('d')]]) {
      await client.query('begin')
      const first = await send(
        parse('', 'select body from notes order by id'),
        bind('d', ''),
        ...described,
        execute('d', 2),
      )
      const second = await send(execute('d', 2), execute('d', 2))
      client.send(execute('d', 0), FLUSH)
      const last = await client.until('C')
      const rows = [...first, ...second, ...last].filter(line => line.startsWith('D'))
      expect(rows).toHaveLength(7)
      noSecret(rows)
      expect(await send()).toEqual(['Z transaction'])
      await client.query('commit')
    }
  })

  test('one that was described before its statement was cleared is looked at all the same', async () => {
    await client.query('begin')
    await send(parse('', 'select body from notes order by id'), bind('early', ''), describePortal('early'))
    const rows = await send(execute('early', 3), execute('early', 0))
    expect(rows.filter(line => line.startsWith('D'))).toHaveLength(7)
    noSecret(rows)
    await client.query('commit')
  })

  test('a Describe that was refused with its batch does not count: the rows are still looked at', async () => {
    await client.query('begin')
    await send(parse('', 'select body from notes order by id'), bind('late', ''))
    await client.query('savepoint s')
    const refused = await send(describePortal('late'), execute('late', 1), parse('', 'select * from secrets'))
    expect(refused).toEqual([expect.stringMatching(/^E ERROR 42501/), 'Z failed'])
    expect(await client.query('rollback to s')).toEqual(['C ROLLBACK', 'Z transaction'])
    const rows = await send(execute('late', 0))
    expect(rows.filter(line => line.startsWith('D'))).toHaveLength(7)
    noSecret(rows)
    await client.query('commit')
  })
})

describe('P6: binary results', () => {
  test('masked and unmasked columns are what their types say', async () => {
    const lines = await send(
      parse('', 'select id, name, ssn, email from customers order by id'),
      bind('', '', [], [1]),
      describePortal(),
      execute(),
    )
    const rows = lines.filter(line => line.startsWith('D'))
    expect(rows.map(row => row.slice(2, 10))).toEqual(['\0\0\0\x01|Ada', '\0\0\0\x02|Gra'])
    noSecret(rows)
  })
})

describe('P3: messages out of place', () => {
  test('stray COPY messages are ignored, as the server does', async () => {
    client.send(encodeCopyData({ data: Buffer.from('1\tx\n') }), COPY_DONE, encodeQuery({ query: 'select 1' }))
    expect(await client.until('Z')).toEqual(['T', 'D 1', 'C SELECT 1', 'Z idle'])
    expect(
      await send(encodeCopyData({ data: Buffer.from('x') }), parse('', 'select 2'), COPY_DONE, bind('', ''), execute()),
    ).toContain('D 2')
  })

  test('a Query among unsynced messages runs behind them, in the same implicit transaction', async () => {
    client.send(parse('', 'select 1'), bind('', ''), execute(), encodeQuery({ query: 'select 2' }))
    const answers = await client.until('Z')
    expect(answers.filter(line => /^[DCZ]/.test(line))).toEqual(['D 1', 'C SELECT 1', 'D 2', 'C SELECT 1', 'Z idle'])
  })

  test('a Query behind a refused message is skipped up to the Sync', async () => {
    client.send(parse('', 'selec'), encodeQuery({ query: 'select 2' }), SYNC, encodeQuery({ query: 'select 3' }))
    expect((await client.until('Z'))[0]).toMatch(/^E ERROR 42601/)
    expect(await client.until('Z')).toContain('D 3')
  })
})
