import {
  COPY_DONE,
  encodeBind,
  encodeClose,
  encodeCopyData,
  encodeCopyFail,
  encodeDescribe,
  encodeExecute,
  encodeFunctionCall,
  encodeParse,
  encodeQuery,
  FLUSH,
  SYNC,
} from '@querywarden/wire/postgres'

/** One message of a client, as it is thought up, shrunk and printed. */
export type Move =
  | { readonly kind: 'query'; readonly text: string }
  | { readonly kind: 'parse'; readonly name: string; readonly text: string }
  | {
      readonly kind: 'bind'
      readonly portal: string
      readonly statement: string
      readonly parameters: readonly (string | null)[]
      readonly resultFormats: readonly number[]
    }
  | { readonly kind: 'describe' | 'close'; readonly what: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'execute'; readonly portal: string; readonly rows: number }
  | { readonly kind: 'flush' | 'sync' | 'copy-done' | 'copy-fail' | 'function-call' }
  | { readonly kind: 'copy-data'; readonly text: string }
  /** Whole messages with something wrong inside. */
  | { readonly kind: 'malformed'; readonly what: Malformed }

/** What is wrong inside a whole message. */
export type Malformed =
  | 'query without its NUL'
  | 'query with bytes behind its NUL'
  | 'query that is not UTF-8'
  | 'parse that is not UTF-8'
  | 'parse cut short'
  | 'parse with bytes behind its types'
  | 'bind with a negative count'
  | 'bind cut short'
  | 'bind with a format of 7'
  | 'describe of neither'
  | 'close of neither'
  | 'execute cut short'
  | 'execute of -1 rows'
  | 'a tag that no message has'
  | 'a password'

/** A message with these bytes as its body. */
const message = (tag: string, body: string): Buffer => {
  const bytes = Buffer.from(`${tag}    ${body}`, 'latin1')
  bytes.writeUInt32BE(bytes.length - 1, 1)
  return bytes
}

const MALFORMED: Readonly<Record<Malformed, Buffer>> = {
  'query without its NUL': message('Q', 'select 1'),
  'query with bytes behind its NUL': message('Q', 'select 1\0x'),
  'query that is not UTF-8': message('Q', "select '\xff'\0"),
  'parse that is not UTF-8': message('P', "\0select '\xc3\x28'\0\0\0"),
  'parse cut short': message('P', '\0select 1\0\0'),
  'parse with bytes behind its types': message('P', '\0select 1\0\0\0x'),
  'bind with a negative count': message('B', '\0\0\xff\xff\0\0\0\0'),
  'bind cut short': message('B', '\0\0\0\0\0\x01\0\0\0\x09x'),
  'bind with a format of 7': message('B', '\0\0\0\0\0\0\0\x01\0\x07'),
  'describe of neither': message('D', 'X\0'),
  'close of neither': message('C', 'X\0'),
  'execute cut short': message('E', '\0\0'),
  'execute of -1 rows': message('E', '\0\xff\xff\xff\xff'),
  'a tag that no message has': message('!', ''),
  'a password': message('p', 'x\0'),
}

export const MALFORMED_NAMES: readonly Malformed[] = Object.keys(MALFORMED) as Malformed[]

/** Malformed messages that end the session at the server too. */
const DEADLY: ReadonlySet<Malformed> = new Set(['a tag that no message has', 'a password'])

export const isDeadly = (move: Move): boolean => move.kind === 'malformed' && DEADLY.has(move.what)

/** Whether the server answers it with a ReadyForQuery of its own. */
export const isQuery = (move: Move): boolean =>
  move.kind === 'query' || (move.kind === 'malformed' && move.what.startsWith('query'))

export function encodeMove(move: Move): Uint8Array {
  switch (move.kind) {
    case 'query':
      return encodeQuery({ query: move.text })
    case 'parse':
      return encodeParse({ name: move.name, query: move.text, parameterTypes: [] })
    case 'bind':
      return encodeBind({
        portal: move.portal,
        statement: move.statement,
        parameterFormats: [],
        parameters: move.parameters.map(value => (value === null ? null : Buffer.from(value))),
        resultFormats: move.resultFormats,
      })
    case 'describe':
      return encodeDescribe({ kind: move.what, name: move.name })
    case 'close':
      return encodeClose({ kind: move.what, name: move.name })
    case 'execute':
      return encodeExecute({ portal: move.portal, rowsMax: move.rows })
    case 'flush':
      return FLUSH
    case 'sync':
      return SYNC
    case 'copy-data':
      return encodeCopyData({ data: Buffer.from(move.text) })
    case 'copy-done':
      return COPY_DONE
    case 'copy-fail':
      return encodeCopyFail({ reason: 'given up' })
    case 'function-call':
      // abs(int4)
      return encodeFunctionCall({
        functionOid: 1397,
        argumentFormats: [],
        arguments: [Buffer.from('-1')],
        resultFormat: 'text',
      })
    case 'malformed':
      return MALFORMED[move.what]
  }
}

/** Short, for people who read a counterexample. */
export function tellMove(move: Move): string {
  switch (move.kind) {
    case 'query':
      return `Query ${move.text}`
    case 'parse':
      return `Parse ${named(move.name)} ${move.text}`
    case 'bind':
      return `Bind ${named(move.portal)} to ${named(move.statement)} (${move.parameters.join()}) [${move.resultFormats.join()}]`
    case 'describe':
    case 'close':
      return `${move.kind} ${move.what} ${named(move.name)}`
    case 'execute':
      return `Execute ${named(move.portal)} ${move.rows}`
    case 'copy-data':
      return `CopyData ${JSON.stringify(move.text)}`
    case 'malformed':
      return `malformed: ${move.what}`
    default:
      return move.kind
  }
}

const named = (name: string): string => (name === '' ? 'unnamed' : name)
