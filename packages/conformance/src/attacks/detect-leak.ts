import { type BackendMessage, fieldsOf, type Row, rowsIn } from './backend-message.ts'
import type { Canaries, LeakCase } from './corpus-case.ts'
import type { ScriptResult } from './run-script.ts'

/** Whether a run shows what the masks hide: by the case's own evidence, or by any canary in any byte. */
export function hasLeaked(
  leakCase: LeakCase,
  result: ScriptResult,
  control: ScriptResult | null,
  canaries: Canaries,
): boolean {
  // A right guess that comes back in an error is no leak.
  const isSeen = leakCase.echoesGuess !== true && canariesIn(result, canaries).length > 0
  return isSeen || hasEvidence(leakCase, result, control)
}

/** The names of the canaries that arrived. */
export const canariesIn = (result: ScriptResult, canaries: Canaries): readonly string[] =>
  Object.entries(canaries).flatMap(([name, value]) =>
    result.received.some(bytes => bytes.includes(value)) || isThereInBinary(result, value) ? [name] : [],
  )

/** Types whose binary form has nothing of their text: PostgreSQL's date_send and numeric_send. */
function isThereInBinary(result: ScriptResult, value: string): boolean {
  if (/^\d{4}-\d\d-\d\d$/.test(value)) {
    const days = Buffer.alloc(8)
    // The length of the cell, and the days since 2000-01-01.
    days.writeInt32BE(4)
    days.writeInt32BE((Date.parse(value) - Date.UTC(2000, 0, 1)) / 86_400_000, 4)
    return messagesOf(result).some(({ type, body }) => type === 'D' && body.includes(days))
  }
  const [, whole, part] = /^(\d{5,})\.(\d\d)$/.exec(value) ?? []
  if (whole === undefined || part === undefined) return false
  const padded = whole.padStart(Math.ceil(whole.length / 4) * 4, '0')
  const digits = `${padded}${part}00`.match(/\d{4}/g) ?? []
  const bytes = Buffer.alloc(2 * digits.length)
  for (const [at, four] of digits.entries()) bytes.writeUInt16BE(Number(four), 2 * at)
  return messagesOf(result).some(({ type, body }) => type === 'D' && body.includes(bytes))
}

function hasEvidence({ detect, id }: LeakCase, result: ScriptResult, control: ScriptResult | null): boolean {
  if ('raw' in detect) return false
  if ('bytes' in detect) return detect.bytes.every(text => hasBytes(result, Buffer.from(text)))
  if ('hexBytes' in detect) return detect.hexBytes.every(hex => hasBytes(result, Buffer.from(hex, 'hex')))
  if ('rows' in detect) return areRows(rowsOf(result), detect.rows)
  if ('concat' in detect) return concatenated(result, detect.concat).includes(detect.concat.contains)
  if (control === null) throw new Error(`case ${id} compares with a control and has none`)
  if (detect.control === 'timing') return elapsed(result) - elapsed(control) >= (detect.minDeltaMs ?? 150)
  return outcomeOf(result) !== outcomeOf(control)
}

const areRows = (rows: readonly Row[], wanted: readonly Row[]): boolean =>
  rows.length === wanted.length &&
  rows.every(
    (row, at) => row.length === wanted[at]?.length && row.every((cell, column) => isCell(cell, wanted[at]?.[column])),
  )
// A number of the evidence is an integer in binary.
const isCell = (cell: string | null, wanted: string | null | undefined): boolean =>
  cell === wanted ||
  (cell?.length === 4 && /^\d+$/.test(wanted ?? '') && Buffer.from(cell).readInt32BE() === Number(wanted))

const hasBytes = ({ received }: ScriptResult, wanted: Buffer): boolean => received.some(bytes => bytes.includes(wanted))
const messagesOf = ({ exchanges }: ScriptResult): readonly BackendMessage[] =>
  exchanges.flatMap(exchange => exchange.messages)
const rowsOf = (result: ScriptResult): ReturnType<typeof rowsIn> => rowsIn(messagesOf(result))
const elapsed = ({ exchanges }: ScriptResult): number => exchanges.reduce((sum, { ms }) => sum + ms, 0)

type Concat = Extract<LeakCase['detect'], { concat: unknown }>['concat']

function concatenated(result: ScriptResult, { col = 0, from, sep = '', reverse = false }: Concat): string {
  const cells = rowsOf(result).map(row => (col === 'all' ? row.join('') : (row[col] ?? '')))
  const parts = from === 'codes' ? cells.map(cell => String.fromCharCode(Number(cell))) : cells
  const text = parts.join(from === 'codes' ? '' : sep)
  return reverse ? [...text].reverse().join('') : text
}

/** What two runs have in common if the value makes no difference: rows, command tags and SQLSTATEs. */
const outcomeOf = ({ exchanges, refusedLogins }: ScriptResult): string =>
  [...exchanges.map(({ messages }) => messages.flatMap(visible).join('\n')), ...refusedLogins].join('\n--\n')

function visible(message: BackendMessage): readonly string[] {
  const { type, body } = message
  if (type === 'D') return [`D${JSON.stringify(rowsIn([message]))}`]
  if (type === 'E' || type === 'N') {
    const fields = fieldsOf(body)
    const code = fields.get('C') ?? ''
    // The text of a failed cast and of a notice carries values; that of other errors may carry the guess.
    return [`${type}${code}${code === '22P02' || type === 'N' ? fields.get('M') : ''}`]
  }
  return 'CAds'.includes(type) ? [`${type}${body.toString('latin1')}`] : []
}
