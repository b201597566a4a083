import { DATE_UNITS, type JsonMember, type JsonStep, type Mask } from '@querywarden/policy-core'

const CONSTANTS = [
  '',
  'it\'s \\ a "constant" 🙂',
  'hidden person',
  '0',
  '-7',
  '32768',
  '9223372036854775808',
  '-7.50',
  '0.05',
  '-0.00',
  '1e3',
  '123456789012345678901234567890.123456789',
  '40000.0004',
  'true',
  't',
  '2024-02-29',
  '2023-02-29',
  '0000-01-01',
  'infinity',
  '7D444840-9dc0-11d1-b245-5ffdce74fad2',
  'a\u0000b',
  '\ud800',
  'NULL',
  '0.0001',
  '0.00001',
  '123456.5',
  '1234567',
  '-0.1',
  '23:59:59',
  '24:00:00',
  '2024-02-29 12:30:00',
  '2024-02-29 12:30:00+00',
  '2024-02-29 12:30:00+02',
  '10000-01-01 00:00:00',
  '{}',
  '"a \u2028 \\\\ \\"b\\""',
  '"\\u0041"',
  '{"a":1}',
  '<b/>',
  '192.0.2.1',
  '192.0.2.1/24',
  '192.0.2.256',
  '1.2.3.4.',
  '\\x00ff',
  '\\x00FF',
]

const member = (name: string): JsonStep => ({ kind: 'member', name })
const elements: JsonStep = { kind: 'elements' }
const json = (...members: readonly JsonMember[]): Mask => ({ kind: 'json', members })
const redact = { kind: 'redact' } as const
const last4 = { kind: 'partial', first: 0, last: 4, fill: '*' } as const

/** Masks by path: deep ones, through arrays, one inside another, for the whole, and under names that could mislead. */
export const JSON_MASKS: readonly Mask[] = [
  json(
    { path: [member('ssn')], mask: redact },
    { path: [member('contact'), member('email')], mask: { kind: 'email' } },
    { path: [member('cards'), elements, member('pan')], mask: last4 },
  ),
  json({ path: [], mask: { kind: 'hash', key: null } }),
  json({ path: [elements], mask: { kind: 'partial', first: 1, last: 1, fill: "'\\" } }),
  json({ path: [elements, elements], mask: redact }, { path: [member('ssn')], mask: { kind: 'null' } }),
  json({ path: [member('contact')], mask: last4 }, { path: [member('contact'), member('email')], mask: redact }),
  json(
    { path: [member('a.b "c"')], mask: { kind: 'constant', value: 'it\'s \\ "x"' } },
    { path: [member('__proto__')], mask: { kind: 'constant', value: 'x'.repeat(200) } },
    { path: [member('')], mask: { kind: 'date-trunc', unit: 'day' } },
    { path: [elements, member('ssn')], mask: { kind: 'hash', key: null } },
  ),
  json(),
]

/** Masks of every kind, with the options that make a difference. */
export const MASK_CASES: readonly Mask[] = [
  { kind: 'redact' },
  { kind: 'null' },
  { kind: 'partial', first: 0, last: 4, fill: '*' },
  { kind: 'partial', first: 2, last: 1, fill: '•' },
  { kind: 'partial', first: 1, last: 0, fill: "'\\" },
  { kind: 'partial', first: 0, last: 0, fill: '' },
  { kind: 'partial', first: 6, last: 4, fill: '🙂' },
  { kind: 'partial', first: -1, last: 1.5, fill: '\u0000' },
  { kind: 'email' },
  { kind: 'hash', key: null },
  ...CONSTANTS.map((value): Mask => ({ kind: 'constant', value })),
  ...JSON_MASKS,
  ...DATE_UNITS.map((unit): Mask => ({ kind: 'date-trunc', unit })),
]
