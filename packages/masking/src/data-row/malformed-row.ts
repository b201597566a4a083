import { MaskingError } from '../errors.ts'

/** What of a row isn't as it must be, and how it must be. */
const EXPECTED = {
  range: 'within the bytes given',
  message: 'a whole DataRow',
  length: 'that of a whole DataRow',
  'column count': 'that of the result',
  column: 'within its row',
  'column length': '-1, or within its row',
  row: 'to end with its last column',
} as const

/** The refusal of bytes that are not the rows they claim to be. */
export const malformedRow = (what: keyof typeof EXPECTED): MaskingError =>
  new MaskingError('MALFORMED_ROW', `malformed row: unexpected ${what}, expected ${EXPECTED[what]}`)
