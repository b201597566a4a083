import { pipeline } from 'node:stream/promises'
import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Cell, CopyFormat, DetectedMask, ResultColumn } from '@querywarden/policy-core'
import { Client } from 'pg'
import { from, to } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyMasker } from '../src/copy/copy-masker.ts'
import { detectingRows } from '../src/detect/detecting-rows.ts'

const hashKey = (): Uint8Array => Buffer.from('0123456789abcdef0123456789abcdef')
const DETECT: DetectedMask[] = [
  { detector: 'credit-card', mask: { kind: 'redact' } },
  { detector: 'email', mask: { kind: 'email' } },
  { detector: 'iban', mask: { kind: 'partial', first: 2, last: 4, fill: '*' } },
  { detector: 'phone', mask: { kind: 'constant', value: 'a "quoted" \\ one,	two\nthree' } },
  { detector: 'us-ssn', mask: { kind: 'null' } },
  { detector: 'private-key', mask: { kind: 'redact' } },
]

/** Each type with values that hold finds, signs that need escapes, NULL, and nothing to find. */
const COLUMNS: readonly (readonly [type: string, values: readonly (string | null)[]])[] = [
  [
    'text',
    [
      'card 4111 1111 1111 1111, \\ "x"\tb',
      'quentin@example.com',
      '',
      null,
      '+14155550123',
      '123-45-6789',
      '\\N',
      '\\.',
    ],
  ],
  ['varchar(24)', ['a@b.co', 'DE89370400440532013000', null, 'x']],
  ['char(30)', ['4111111111111111', null, 'x']],
  ['json', ['{"pan": 4111111111111111, "mail": "quentin\\u0040example.com \\"x\\""}', '4111111111111111', null]],
  ['jsonb', ['{"pan": 4111111111111111, "a": ["+14155550123"]}', '"a@b.co"', null]],
  ['text[]', ['{a@b.co,"x \\"4111111111111111\\"",NULL}', '{{+14155550123,b},{c,d}}', '[0:1]={a@b.co,x}', '{}', null]],
  ['xml', ['<a b="c">quentin&#64;example.com &lt;</a>', '<a>+14155550123</a>', null]],
  ['bigint', ['4111111111111111', null]],
  ['numeric', ['4111111111111111.5', null]],
  ['bytea', ['\\x00ff5c0a', null]],
  ['timestamptz', ['2024-05-06 12:34:56.789+02', null]],
  ['public.pair', ['(1,quentin@example.com)', '(2,"4111 1111 1111 1111 ""x""")', null]],
]
const ROWS = Math.max(...COLUMNS.map(([, values]) => values.length))

const FORMATS: readonly (readonly [options: string, format: CopyFormat])[] = [
  ['', { kind: 'text', delimiter: '\t', nullText: '\\N', hasHeader: false }],
  ["(DELIMITER '@', NULL 'nil', HEADER)", { kind: 'text', delimiter: '@', nullText: 'nil', hasHeader: true }],
  ['(FORMAT csv, HEADER)', { kind: 'csv', delimiter: ',', nullText: '', quote: '"', escape: '"', hasHeader: true }],
  [
    `(FORMAT csv, DELIMITER '-', QUOTE '''', ESCAPE '\\', NULL 'nil', FORCE_QUOTE *)`,
    { kind: 'csv', delimiter: '-', nullText: 'nil', quote: "'", escape: '\\', hasHeader: false },
  ],
  ['(FORMAT binary)', { kind: 'binary' }],
]

let server: PostgresServer
let client: Client
let columns: ResultColumn[]

beforeAll(async () => {
  server = await startPostgres({ major: 18 })
  client = new Client({ connectionString: server.url })
  await client.connect()
  await client.query(`create type public.pair as (a int, b text)`)
  const definition = COLUMNS.map(([type], index) => `c${index} ${type}`).join(', ')
  await client.query(`create table source (id int, ${definition}); create table copied (id int, ${definition})`)
  for (let row = 0; row < ROWS; row++) {
    const values = COLUMNS.map(([, all]) => all[row] ?? null)
    const places = values.map((_, index) => `$${index + 2}`).join(', ')
    await client.query(`insert into source values ($1, ${places})`, [row, ...values])
  }
  const { fields } = await client.query('select * from source')
  columns = fields.map(({ name, tableID, columnID, dataTypeID, dataTypeModifier }) => ({
    name,
    tableOid: tableID,
    attnum: columnID,
    typeOid: dataTypeID,
    typmod: dataTypeModifier,
    format: 'text',
  }))
})
afterAll(async () => {
  await client?.end()
  await server?.stop()
})

const raw = { getTypeParser: () => (value: string | Buffer) => value }
const rowsOf = async (table: string): Promise<Cell[][]> =>
  (await client.query<Cell[]>({ text: `select * from ${table} order by 1`, rowMode: 'array', types: raw })).rows

/** Copies the source through the masks into the other table. */
async function copyMasked(
  options: string,
  format: CopyFormat,
  known: readonly ResultColumn[] | undefined,
  query: string,
): Promise<string> {
  const copy = copyMasker(hashKey, { fieldBytesMax: 10_000 })({ detect: DETECT }, format, known)
  const pieces: Uint8Array[] = []
  for await (const piece of client.query(to(`copy (${query}) to stdout ${options}`))) {
    if (!Buffer.isBuffer(piece)) throw new Error('expected bytes')
    pieces.push(copy.push(piece))
  }
  const data = Buffer.concat([...pieces, copy.finish()])
  await client.query('truncate copied')
  const names = query.startsWith('table') ? '' : '(id, c0, c1, c3, c4, c5)'
  await pipeline(
    [data],
    client.query(from(`copy copied ${names} from stdin ${options.replace(', FORCE_QUOTE *', '')}`)),
  )
  return data.toString('latin1')
}

describe.each(FORMATS)('P9: COPY %s', (options, format) => {
  test('the server reads back what was masked, and it is what a masked result shows', async () => {
    const data = await copyMasked(options, format, columns, 'table source order by id')
    const expected = await rowsOf('source')
    const maskRow = detectingRows(hashKey)({ detect: DETECT }, columns)
    for (const cells of expected) maskRow?.(cells)
    // What a type keeps in a form of its own is the same value in it.
    const expectedAsKept = await canonical(expected)
    expect(await rowsOf('copied')).toEqual(expectedAsKept)
    expect(data).not.toMatch(/quentin@|4111 1111|123-45-6789/)
  })

  // A card number that is all of a JSON value looks like any other number; what stands for it is text then, and no JSON.
  test('without columns, nothing gets through, and the server reads it back as well', async () => {
    const data = await copyMasked(
      options,
      format,
      undefined,
      'select id, c0, c1, c3, c4, c5 from source where id <> 1 order by id',
    )
    expect(data).not.toMatch(/quentin|4111 1111|4111111111111111|a@b\.co|4155550123|123-45-6789/)
    expect(await rowsOf('copied')).toHaveLength(ROWS - 1)
  })
})

/** Rows as the server writes them once it has read them: arrays lose quotes that they don't need, and so on. */
async function canonical(rows: readonly (readonly Cell[])[]): Promise<Cell[][]> {
  await client.query('truncate copied')
  for (const row of rows)
    await client.query(`insert into copied values (${row.map((_, i) => `$${i + 1}`).join(', ')})`, [...row])
  return await rowsOf('copied')
}
