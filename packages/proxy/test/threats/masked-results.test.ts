import { COPY_DONE, encodeBind, encodeFunctionCall, encodeQuery, SYNC } from '@querywarden/wire/postgres'
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from '../governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawDirect } from '../raw-client.ts'
import { patientLogin } from './patient-login.ts'

/** Nothing that may be seen looks like this. */
const CANARY = 'canary91d2'
/** Its number in pg_proc.dat, the same in every server. */
const QUERY_TO_XML = 2924
const ROWS = 12
const ROWS_MAX = 8

/** A value of every base type that a table is likely to have, and of an array, a range and a domain. */
const VALUES: Readonly<Record<string, string>> = {
  bool: 'true',
  int2: '7',
  int4: '70',
  int8: '700',
  float4: '1.5',
  float8: '2.5',
  numeric: '12345.678',
  money: '12.34',
  text: `'${CANARY} text'`,
  varchar: `'${CANARY} varchar'`,
  'char(20)': `'${CANARY} c'`,
  name: `'${CANARY}_name'`,
  '"char"': "'c'",
  bytea: `'${CANARY}'`,
  uuid: "'6f1b7c1e-9a55-4d6e-8f9f-0d2a31a45b10'",
  date: "'1981-02-03'",
  time: "'01:02:03'",
  timetz: "'01:02:03+02'",
  timestamp: "'1981-02-03 04:05:06'",
  timestamptz: "'1981-02-03 04:05:06+00'",
  interval: "'3 days 4 hours'",
  json: `'{"a":"${CANARY}"}'`,
  jsonb: `'{"a":"${CANARY}"}'`,
  xml: `'<a>${CANARY}</a>'`,
  inet: "'10.11.12.13'",
  cidr: "'10.11.0.0/16'",
  macaddr: "'08:00:2b:01:02:03'",
  macaddr8: "'08:00:2b:01:02:03:04:05'",
  bit: "'1'",
  varbit: "'1011'",
  point: "'(1,2)'",
  box: "'((1,2),(3,4))'",
  tsvector: `'${CANARY}:1'`,
  tsquery: `'${CANARY}'`,
  oid: '4711',
  pg_lsn: "'16/B374D848'",
  int4range: "'[1,5)'",
  'int4[]': "'{1,2,3}'",
  'text[]': `'{${CANARY}}'`,
  small: '3',
}
const TYPES = Object.keys(VALUES)
const MASKS = {
  redact: 'redact',
  null: 'null',
  partial: '{ partial: { first: 1, last: 1, fill: "*" } }',
  email: 'email',
  hash: 'hash',
  constant: '{ constant: hidden }',
  'date-trunc': '{ date-trunc: year }',
} as const
const MASK_KINDS = Object.keys(MASKS) as readonly (keyof typeof MASKS)[]
const column = (type: string): string => `c${TYPES.indexOf(type)}`
const table = (mask: string): string => `of_${mask.replace('-', '_')}`

const SCHEMA = `
create domain small as int check (value < 100);
${MASK_KINDS.map(
  mask => `create table ${table(mask)} (id int primary key, ${TYPES.map(type => `${column(type)} ${type}`).join(', ')});
insert into ${table(mask)} values (1, ${Object.values(VALUES).join(', ')});`,
).join('\n')}
create table many (id int primary key, secret text not null, pay int check (pay > 0));
insert into many select i, '${CANARY}-' || i, 1 from generate_series(1, ${ROWS}) i;
create table plain (id int primary key, body text);
`

let governed: Governed
let client: RawClient
let direct: RawClient
let limited: RawClient
beforeAll(async () => {
  governed = await govern({
    schema: SCHEMA,
    targetUser: 'postgres',
    more: 'masking: { hash_key: { env: DB_PASSWORD } }',
    clients: { hasty: { groups: ['hasty'] } },
    policy: `version: 1
rules:
  - { id: reads, decision: allow, what: { effects: [read, transaction, session], relations: ["public.*"] } }
  - { id: starts, decision: allow, what: { effects: [transaction, session] } }
  - { id: writes, decision: allow, what: { effects: [write], relations: ["public.*"] } }
masks:
  - { columns: ["public.many.secret"], with: redact }
${MASK_KINDS.map(kind => `  - { columns: ["public.${table(kind)}.c*"], with: ${MASKS[kind]} }`).join('\n')}
limits:
  - { who: { groups: [hasty] }, rows: ${ROWS_MAX} }
`,
  })
  const { postgres } = governed.gateway
  client = await patientLogin(postgres, await governed.token())
  limited = await patientLogin(postgres, await governed.issuer.token({ clientId: 'hasty' }))
  direct = await rawDirect(governed.database)
})
afterAll(() => governed.stop())

const send = async (to: RawClient, ...messages: readonly Uint8Array[]): Promise<string[]> => {
  to.send(...messages)
  return to.until('Z')
}
const rowsOf = (lines: readonly string[]): readonly string[] => lines.filter(line => line.startsWith('D '))

describe('P5: masks and limits hold over all parts of a portal', () => {
  const read = 'select id, secret from many order by id'

  test('1, 1, 1, 0: four parts, all rows, none of them shown', async () => {
    await client.query('begin')
    const lines = await send(
      client,
      parse('', read),
      bind('p', ''),
      execute('p', 1),
      execute('p', 1),
      execute('p', 1),
      execute('p', 0),
      SYNC,
    )
    await client.query('commit')
    expect(lines.map(line => line[0]).join('')).toBe(`12DsDsDs${'D'.repeat(ROWS - 3)}CZ`)
    expect(rowsOf(lines)).toEqual(Array.from({ length: ROWS }, (_, i) => `D ${i + 1}|[redacted]`))
  })

  test('P5: however a portal is read in parts, no more rows come than the limit, and none is shown raw', async () => {
    const parts = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom('together', 'flush', 'sync')), {
      minLength: 1,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(parts, fc.boolean(), async (limits, isDescribed) => {
        await limited.query('begin')
        let lines = await send(
          limited,
          parse('', read),
          bind('p', ''),
          ...(isDescribed ? [describePortal('p')] : []),
          SYNC,
        )
        let pending: Uint8Array[] = []
        for (const [rows, end] of limits) {
          pending.push(execute('p', rows))
          if (end === 'together') continue
          if (end === 'flush') pending.push(Buffer.from('H\0\0\0\x04', 'latin1'))
          else {
            lines = [...lines, ...(await send(limited, ...pending, SYNC))]
            pending = []
          }
        }
        lines = [...lines, ...(await send(limited, ...pending, SYNC))]
        await limited.query('rollback')
        const rows = rowsOf(lines)
        expect(rows.length).toBeLessThanOrEqual(ROWS_MAX)
        const asked = limits.reduce((sum, [rows]) => sum + (rows === 0 ? ROWS : rows), 0)
        expect(rows.length).toBe(Math.min(asked, ROWS_MAX))
        for (const row of rows) expect(row).toMatch(/^D \d+\|\[redacted\]$/)
        if (asked > ROWS_MAX) expect(lines.join('\n')).toMatch(/E ERROR 54000/)
      }),
      { seed: 5, numRuns: 60 },
    )
    expect(limited.text).not.toContain(CANARY)
  })

  test('P5: what FETCH ALL drains of a portal is masked too, and counts', async () => {
    await client.query('begin')
    await send(client, parse('', read), bind('p', ''), execute('p', 1), SYNC)
    for (const name of ['qw_1', '"qw_1"', '"qw_2"', '""']) {
      await client.query('savepoint s')
      expect(rowsOf(await client.query(`fetch all from ${name}`))).toEqual([])
      await client.query('rollback to s')
    }
    const rest = rowsOf(await client.query('fetch all from p'))
    expect(rest).toEqual(Array.from({ length: ROWS - 1 }, (_, i) => `D ${i + 2}|[redacted]`))
    await client.query('rollback')
    expect(client.text).not.toContain(CANARY)

    await limited.query('begin')
    const first = await send(limited, parse('', read), bind('p', ''), execute('p', ROWS_MAX - 2), SYNC)
    const lines = await limited.query('fetch all from p')
    expect([...rowsOf(first), ...rowsOf(lines)]).toHaveLength(ROWS_MAX)
    expect(lines.at(-2)).toMatch(/^E ERROR 54000/)
    await limited.query('rollback')
    expect(limited.text).not.toContain(CANARY)
  })

  test('P5: a cursor of SQL is masked and counts, by FETCH and by Execute', async () => {
    await limited.query('begin')
    await limited.query(`declare c cursor for ${read}`)
    const first = rowsOf(await limited.query('fetch 3 from c'))
    const second = rowsOf(await send(limited, execute('c', 3), SYNC))
    const third = await limited.query('fetch all from c')
    for (const row of [...first, ...second, ...rowsOf(third)]) expect(row).toMatch(/^D \d+\|\[redacted\]$/)
    expect([...first, ...second, ...rowsOf(third)]).toHaveLength(ROWS_MAX)
    expect(third.at(-2)).toMatch(/^E ERROR 54000/)
    await limited.query('rollback')
    expect(limited.text).not.toContain(CANARY)
  })
})

describe('P6: a masked value is one of its type, in text and in binary', () => {
  let server: Client
  beforeAll(async () => {
    server = new Client({ connectionString: governed.database.url })
    await server.connect()
  })
  afterAll(() => server.end())

  /** Fields of the one row, as they came. */
  async function fields(text: string, format: 0 | 1): Promise<readonly (Buffer | null)[]> {
    const before = client.seen.reduce((sum, { length }) => sum + length, 0)
    const lines = await send(
      client,
      parse('', text),
      encodeBind({
        portal: '',
        statement: '',
        parameterFormats: [],
        parameters: [],
        resultFormats: [format],
      }),
      describePortal(),
      execute(),
      SYNC,
    )
    expect(lines.map(line => line[0]).join('')).toBe('12TDCZ')
    const bytes = Buffer.concat(client.seen).subarray(before)
    return readRow(bytes)
  }

  test.each(MASK_KINDS.flatMap(mask => [0, 1].map(format => [mask, format as 0 | 1] as const)))(
    '%s, format %i: what comes is taken by the server as a value of the column’s type',
    async (mask, format) => {
      const values = await fields(`select ${TYPES.map(column).join(', ')} from ${table(mask)}`, format)
      expect(values).toHaveLength(TYPES.length)
      for (const [i, type] of TYPES.entries()) {
        const value = values[i] ?? null
        if (value === null) continue
        direct.send(
          parse('', `select ($1::${type}) is not null`),
          encodeBind({
            portal: '',
            statement: '',
            parameterFormats: [format],
            parameters: [value],
            resultFormats: [],
          }),
          execute(),
          SYNC,
        )
        expect((await direct.until('Z')).slice(2), `${mask} of ${type}: ${value.toString('hex')}`).toEqual([
          'D t',
          'C SELECT 1',
          'Z idle',
        ])
      }
      expect(client.text).not.toContain(CANARY)
      // Something is shown: a gateway that gave nothing but NULL would pass all of the above.
      if (mask !== 'null' && mask !== 'date-trunc') expect(values[TYPES.indexOf('text')]).not.toBeNull()
    },
  )

  test('a format that is neither is refused, as is a count that fits no column', async () => {
    const formats = (codes: readonly number[]): Buffer => {
      const bytes = Buffer.alloc(5 + 2 + 2 + 2 + 2 + codes.length * 2)
      bytes.write('B')
      bytes.writeUInt32BE(bytes.length - 1, 1)
      bytes.writeUInt16BE(codes.length, 11)
      for (const [i, code] of codes.entries()) bytes.writeUInt16BE(code, 13 + 2 * i)
      return bytes
    }
    for (const codes of [[7], [0, 1, 0], [65_535]]) {
      const lines = await send(client, parse('', 'select id, secret from many'), formats(codes), execute(), SYNC)
      expect(lines.at(-2)).toMatch(/^E ERROR 08P01/)
      expect(rowsOf(lines)).toEqual([])
    }
  })
})

function readRow(bytes: Buffer): readonly (Buffer | null)[] {
  let at = 0
  while (String.fromCharCode(bytes[at] ?? 0) !== 'D') at += 1 + bytes.readUInt32BE(at + 1)
  const values: (Buffer | null)[] = []
  let from = at + 7
  for (let left = bytes.readUInt16BE(at + 5); left > 0; left--) {
    const length = bytes.readInt32BE(from)
    values.push(length < 0 ? null : bytes.subarray(from + 4, from + 4 + length))
    from += 4 + Math.max(0, length)
  }
  return values
}

describe('P10: six channels besides rows, each of which the server itself leaks by', () => {
  const call = encodeFunctionCall({
    functionOid: QUERY_TO_XML,
    argumentFormats: [],
    arguments: ['select secret from many', 't', 'f', ''].map(text => Buffer.from(text)),
    resultFormat: 'text',
  })
  const listen = encodeQuery({ query: 'listen leaks' })

  test.each<[string, readonly (readonly Uint8Array[])[]]>([
    ['ErrorResponse', [[encodeQuery({ query: 'select secret::int from many' })]]],
    ['ErrorResponse of a constraint', [[encodeQuery({ query: 'update many set pay = -1' })]]],
    [
      'NoticeResponse',
      [[encodeQuery({ query: "do $$ begin raise notice '%', (select secret from many where id = 1); end $$" })]],
    ],
    [
      'NotificationResponse',
      [[listen], [encodeQuery({ query: "select count(pg_notify('leaks', secret)) from many" })]],
    ],
    [
      'ParameterStatus',
      [[encodeQuery({ query: "select count(set_config('application_name', secret, false)) from many" })]],
    ],
    [
      'CopyData',
      [
        [encodeQuery({ query: 'copy many to stdout' })],
        [encodeQuery({ query: 'copy (select secret from many) to stdout csv' })],
      ],
    ],
    ['FunctionCallResponse', [[call]]],
  ])('%s', async (_name, script) => {
    const leaks = await rawDirect(governed.database)
    for (const messages of script) await send(leaks, ...messages)
    expect(leaks.text).toContain(CANARY)
    leaks.socket.destroy()

    const tight = await patientLogin(governed.gateway.postgres, await governed.token())
    for (const messages of script) await send(tight, ...messages)
    // In a transaction, and in the extended protocol too.
    await tight.query('begin')
    for (const messages of script) await send(tight, ...messages)
    await tight.query('rollback')
    for (const [message] of script) {
      if (message === undefined || message[0] !== 0x51) continue
      const text = Buffer.from(message).toString('latin1', 5, message.length - 1)
      await send(tight, parse('', text), bind('', ''), describePortal(), execute(), SYNC)
    }
    expect(await tight.query('select 1')).toEqual(['T', 'D 1', 'C SELECT 1', 'Z idle'])
    expect(tight.text).not.toContain(CANARY)
    tight.socket.destroy()
  })

  test('COPY in: a bad row is told to who sent it, and what is there already is not', async () => {
    const tight = await patientLogin(governed.gateway.postgres, await governed.token())
    tight.send(encodeQuery({ query: 'copy many from stdin' }))
    await tight.until('G')
    tight.send(Buffer.from('d\0\0\0\x0d1\tmine\t1\n', 'latin1'), COPY_DONE)
    expect((await tight.until('Z'))[0]).toMatch(/^E ERROR 23505/)
    expect(tight.text).not.toContain(CANARY)
    tight.socket.destroy()
  })
})
