import { DATE_UNITS, type Mask } from '@querywarden/policy-core'

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
  ...DATE_UNITS.map((unit): Mask => ({ kind: 'date-trunc', unit })),
]
