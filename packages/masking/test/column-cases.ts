import fc from 'fast-check'

/** A type as a column can have it, the texts to fill it with, and the function that makes its binary form. */
export interface ColumnCase {
  readonly type: string
  readonly values: fc.Arbitrary<string>
  readonly send: string
}

/** Text that PostgreSQL can hold: any code point but NUL, with the awkward ones well represented. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        'Z',
        '0',
        ' ',
        '@',
        '.',
        '-',
        "'",
        '"',
        '\\',
        '\n',
        '\t',
        '%',
        '*',
        '\u0301',
        'é',
        'ß',
        '漢',
        '🙂',
        '\u200d',
        '\ufeff',
        '\uffff',
      ),
      fc
        .nat(0x10ffff)
        .filter(code => code > 0 && !(code >= 0xd800 && code <= 0xdfff))
        .map(code => String.fromCodePoint(code)),
    ),
    { maxLength: 30 },
  )
  .map(characters => characters.join(''))

const emailText = fc
  .tuple(fc.stringMatching(/^[a-z.'"é🙂 @]{0,6}$/u), fc.stringMatching(/^[a-zA-Z0-9.\n-]{0,12}$/))
  .map(([local, domain]) => `${local}@${domain}`)
const text = fc.oneof(
  anyText,
  emailText,
  fc.constantFrom(
    '',
    ' ',
    'trailing   ',
    'quentin@example.com',
    'q@example.com',
    '@example.com',
    '123-45-6789',
    'x'.repeat(5000),
    '🙂'.repeat(70),
  ),
)

const pad = (value: number, width: number): string => String(value).padStart(width, '0')
const day = fc
  .record({
    year: fc.oneof(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 1, max: 294_275 }),
      fc.constantFrom(1, 4, 1900, 2000, 294_276),
    ),
    month: fc.integer({ min: 1, max: 12 }),
    day: fc.integer({ min: 1, max: 28 }),
    bc: fc.boolean(),
  })
  .map(
    ({ year, month, day, bc }) =>
      (bc && year <= 4713
        ? [`${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`, ' BC']
        : [`${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`, '']) as [string, string],
  )
const clock = fc
  .record({
    h: fc.integer({ min: 0, max: 23 }),
    m: fc.integer({ min: 0, max: 59 }),
    s: fc.integer({ min: 0, max: 59 }),
    us: fc.integer({ min: 0, max: 999_999 }),
  })
  .map(({ h, m, s, us }) => `${pad(h, 2)}:${pad(m, 2)}:${pad(s, 2)}.${pad(us, 6)}`)

const dates = fc.oneof(
  day.map(([date, era]) => date + era),
  fc.constantFrom(
    'infinity',
    '-infinity',
    '4714-11-24 BC',
    '4714-12-31 BC',
    '4713-01-01 BC',
    '0001-01-01 BC',
    '0001-01-01',
    '2000-02-29',
    '294276-12-31',
    '294277-01-01',
    '5874897-12-31',
  ),
)
const timestamps = fc.oneof(
  fc.tuple(day, clock).map(([[date, era], time]) => `${date} ${time}${era}`),
  fc.constantFrom(
    'infinity',
    '-infinity',
    '4714-11-24 00:00:00 BC',
    '4713-01-01 00:00:00 BC',
    '4714-12-31 23:59:59.999999 BC',
    '0001-12-31 23:59:59 BC',
    '294276-12-31 23:59:59.999999',
    '1999-12-31 23:59:59.999999',
    '2000-01-01 00:00:00',
  ),
)
const zoned = fc.oneof(
  fc
    .tuple(day, clock, fc.integer({ min: -14, max: 14 }))
    .map(([[date, era], time, zone]) => `${date} ${time}${zone < 0 ? '-' : '+'}${pad(Math.abs(zone), 2)}${era}`)
    .filter(value => !value.startsWith('294276-12-31') && !/^471[34]-.*BC$/.test(value)),
  fc.constantFrom(
    'infinity',
    '-infinity',
    '4714-11-24 00:00:00+00 BC',
    '4713-01-01 00:00:00+00 BC',
    '294276-12-31 23:59:59.999999+00',
    '2000-01-01 00:30:00+01',
  ),
)
const leaf = fc.oneof(
  text.filter(value => value.length < 100).map(value => JSON.stringify(value)),
  fc.constantFrom(
    'null',
    'true',
    '0',
    '-1.50',
    '4111111111111111',
    '1e3',
    '[]',
    '{}',
    '"123-45-6789"',
    '"q@example.com"',
  ),
  fc.constantFrom('"\\u0041\\ud83d\\ude00 \\\\ \\n\\u001f\\/"', '"\\\\u0000"', '"\\\\\\\\ud800"', ' "x" '),
)
const space = fc.constantFrom('', ' ', '\n\t', '\r ')
const name = fc.constantFrom(
  '"ssn"',
  '"s\\u0073n"',
  '"contact"',
  '"email"',
  '"cards"',
  '"pan"',
  '"a.b \\"c\\""',
  '"__proto__"',
  '""',
)
/** Documents with the names that the masks know, at every depth and in every wrong shape; members come twice and spaced. */
const { document } = fc.letrec<{ document: string }>(tie => ({
  document: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .array(fc.tuple(tie('document'), space), { maxLength: 4 })
      .map(list => `[${list.map(([value, gap]) => gap + value + gap).join(',')}]`),
    fc
      .array(fc.tuple(name, tie('document'), space), { maxLength: 5 })
      .map(list => `{${list.map(([key, value, gap]) => `${gap}${key}${gap}:${gap}${value}`).join(',')}}`),
  ),
}))
const person = fc
  .record({ ssn: leaf, email: leaf, pans: fc.array(leaf, { maxLength: 3 }), other: document })
  .map(
    ({ ssn, email, pans, other }) =>
      `{"other": ${other}, "ssn":${ssn},"contact":{"email":${email},"ssn":1},"cards":[${pans.map(pan => `{"pan":${pan},"n":1.0}`).join(',')}]}`,
  )
const json = fc.oneof(
  document,
  person,
  fc.json().filter(value => !value.includes('\\u0000') && !/\\ud[89a-f]/i.test(value)),
)
/** What json keeps and nothing can look into. */
const anyJson = fc.oneof(
  { weight: 5, arbitrary: json },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"ssn":1,"a":"\\u0000"}',
      '{"ssn":1,"a\\ud800":2}',
      '["\\udc00\\ud800"]',
      '{"ssn":1,"n":1e1000000}',
      '"\\ud83d\\\\ude00"',
    ),
  },
)
const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength: bytes }).map(value => Buffer.from(value).toString('hex'))
const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`
/** Arrays of one dimension, with what needs quotes and what doesn't, and of none and several. */
const arrayOf = (values: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(fc.option(values), { maxLength: 4 }), fc.constantFrom('flat', 'flat', 'flat', 'bounds', 'deep'))
    .map(([list, shape]) => {
      const flat = `{${list.map(each => (each === null ? 'NULL' : quoted(each))).join(',')}}`
      if (list.length === 0 || shape === 'flat') return flat
      return shape === 'deep' ? `{${flat},${flat}}` : `[-2:${list.length - 3}]=${flat}`
    })
const word = fc.oneof(
  text.filter(value => value.length < 100),
  fc.constantFrom('', 'null', 'NULL', 'nUll', '{', '}', ',', '"', '\\', '\v', ' ', '\u00a0', 'plain'),
)
const points = ['(1,2)', '(0,0)'] as const

/** What a test database must have before a table of every case can be made. */
export const CASE_SETUP = `
  create type mood as enum ('sad', 'ok', 'happy');
  create domain always as text not null;
  create domain code as varchar(12) check (value <> '[redacted]');
  create type pair as (a int, b text);
  create extension if not exists citext;
  create collation blind (provider = icu, locale = 'und', deterministic = false);
`

export const COLUMN_CASES: readonly ColumnCase[] = [
  { type: 'text', values: text, send: 'textsend' },
  { type: 'text collate "C"', values: text, send: 'textsend' },
  { type: 'text collate blind', values: text, send: 'textsend' },
  { type: 'varchar', values: text, send: 'varcharsend' },
  { type: 'varchar(3)', values: text, send: 'varcharsend' },
  { type: 'varchar(12)', values: text, send: 'varcharsend' },
  { type: 'varchar(40)', values: text, send: 'varcharsend' },
  { type: 'varchar(64)', values: text, send: 'varcharsend' },
  { type: 'char(1)', values: text, send: 'bpcharsend' },
  { type: 'char(9)', values: text, send: 'bpcharsend' },
  { type: 'char(70)', values: text, send: 'bpcharsend' },
  { type: 'bpchar', values: text, send: 'bpcharsend' },
  { type: 'name', values: text, send: 'namesend' },
  { type: 'citext', values: text, send: 'citextsend' },
  { type: 'smallint', values: fc.integer({ min: -32_768, max: 32_767 }).map(String), send: 'int2send' },
  { type: 'integer', values: fc.integer().map(String), send: 'int4send' },
  { type: 'bigint', values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), send: 'int8send' },
  {
    type: 'numeric',
    values: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.constantFrom('NaN', 'Infinity', '-0.00'),
    ),
    send: 'numeric_send',
  },
  { type: 'numeric(10,2)', values: fc.integer().map(value => (value / 1000).toFixed(2)), send: 'numeric_send' },
  {
    type: 'numeric(3,3)',
    values: fc.integer({ min: 0, max: 999 }).map(value => `0.${pad(value, 3)}`),
    send: 'numeric_send',
  },
  { type: 'numeric(4,-2)', values: fc.integer({ min: 0, max: 9999 }).map(String), send: 'numeric_send' },
  { type: 'real', values: fc.float().map(String), send: 'float4send' },
  { type: 'double precision', values: fc.double().map(String), send: 'float8send' },
  { type: 'boolean', values: fc.boolean().map(String), send: 'boolsend' },
  { type: 'uuid', values: fc.uuid(), send: 'uuid_send' },
  { type: 'date', values: dates, send: 'date_send' },
  { type: 'timestamp', values: timestamps, send: 'timestamp_send' },
  { type: 'timestamp(0)', values: timestamps.filter(value => !value.startsWith('294276')), send: 'timestamp_send' },
  { type: 'timestamptz', values: zoned, send: 'timestamptz_send' },
  { type: 'timestamptz(3)', values: zoned.filter(value => !value.startsWith('294276')), send: 'timestamptz_send' },
  { type: 'time', values: clock, send: 'time_send' },
  { type: 'time(0)', values: clock, send: 'time_send' },
  { type: 'timetz', values: clock.map(value => `${value}+02`), send: 'timetz_send' },
  { type: 'interval day to second(2)', values: fc.integer().map(value => `${value} seconds`), send: 'interval_send' },
  { type: 'json', values: anyJson, send: 'json_send' },
  { type: 'jsonb', values: json, send: 'jsonb_send' },
  { type: 'bytea', values: hex(80).map(value => `\\x${value}`), send: 'byteasend' },
  { type: 'text[]', values: arrayOf(word), send: 'array_send' },
  { type: 'text[][] collate blind', values: arrayOf(word), send: 'array_send' },
  { type: 'varchar(3)[]', values: arrayOf(word), send: 'array_send' },
  { type: 'varchar(40)[]', values: arrayOf(word), send: 'array_send' },
  { type: 'char(9)[]', values: arrayOf(word), send: 'array_send' },
  { type: 'name[]', values: arrayOf(word), send: 'array_send' },
  { type: 'uuid[]', values: arrayOf(fc.uuid()), send: 'array_send' },
  { type: 'bytea[]', values: arrayOf(hex(9).map(value => `\\x${value}`)), send: 'array_send' },
  { type: 'date[]', values: arrayOf(dates), send: 'array_send' },
  { type: 'timestamp[]', values: arrayOf(timestamps), send: 'array_send' },
  { type: 'timestamptz[]', values: arrayOf(zoned), send: 'array_send' },
  { type: 'json[]', values: arrayOf(anyJson), send: 'array_send' },
  { type: 'jsonb[]', values: arrayOf(json), send: 'array_send' },
  { type: 'integer[]', values: arrayOf(fc.integer().map(String)), send: 'array_send' },
  { type: 'numeric(10,2)[]', values: arrayOf(fc.integer().map(value => `${value % 1e7}`)), send: 'array_send' },
  { type: 'boolean[]', values: arrayOf(fc.boolean().map(String)), send: 'array_send' },
  { type: 'real[]', values: arrayOf(fc.float({ noNaN: true }).map(String)), send: 'array_send' },
  { type: 'time[]', values: arrayOf(clock), send: 'array_send' },
  { type: 'inet[]', values: arrayOf(fc.ipV4()), send: 'array_send' },
  { type: 'xml[]', values: arrayOf(fc.constantFrom('<a/>', 'b')), send: 'array_send' },
  { type: 'point[]', values: fc.constantFrom(...points.map(point => `{"${point}"}`)), send: 'array_send' },
  { type: 'xml', values: fc.constantFrom('<a>123-45-6789</a>', 'text', ''), send: 'xml_send' },
  { type: 'mood', values: fc.constantFrom('sad', 'ok', 'happy'), send: 'enum_send' },
  { type: 'code', values: fc.stringMatching(/^[a-z]{0,9}$/), send: 'varcharsend' },
  { type: 'always', values: text, send: 'textsend' },
  { type: 'pair', values: fc.integer().map(value => `(${value},"it's")`), send: 'record_send' },
  { type: 'inet', values: fc.ipV4(), send: 'inet_send' },
  { type: 'bit(3)', values: fc.stringMatching(/^[01]{3}$/), send: 'bit_send' },
  { type: 'int4range', values: fc.integer({ min: 0, max: 99 }).map(value => `[${value},100)`), send: 'range_send' },
]
