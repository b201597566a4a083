import { type BackendMessage, fieldsOf, rowsIn } from './backend-message.ts'
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
export const canariesIn = ({ received }: ScriptResult, canaries: Canaries): readonly string[] =>
  Object.entries(canaries).flatMap(([name, value]) => (received.some(bytes => bytes.includes(value)) ? [name] : []))

function hasEvidence({ detect, id }: LeakCase, result: ScriptResult, control: ScriptResult | null): boolean {
  if ('raw' in detect) return false
  if ('bytes' in detect) return detect.bytes.every(text => hasBytes(result, Buffer.from(text)))
  if ('hexBytes' in detect) return detect.hexBytes.every(hex => hasBytes(result, Buffer.from(hex, 'hex')))
  if ('rows' in detect) return JSON.stringify(rowsOf(result)) === JSON.stringify(detect.rows)
  if ('concat' in detect) return concatenated(result, detect.concat).includes(detect.concat.contains)
  if (control === null) throw new Error(`case ${id} compares with a control and has none`)
  if (detect.control === 'timing') return elapsed(result) - elapsed(control) >= (detect.minDeltaMs ?? 150)
  return outcomeOf(result) !== outcomeOf(control)
}

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
