import create15 from 'libpg-query-15/wasm/libpg-query.js'
import create16 from 'libpg-query-16/wasm/libpg-query.js'
import create17 from 'libpg-query-17/wasm/libpg-query.js'
import create18 from 'libpg-query-18/wasm/libpg-query.js'
import { nodesAt, numberAt, type TypedNode, typedAt } from './node.ts'

/** The server majors whose grammars are on board. */
export const MAJORS = [15, 16, 17, 18] as const
export type Major = (typeof MAJORS)[number]

/** Whether a server's major is one whose grammar is on board. */
export const isMajor = (major: number): major is Major => MAJORS.some(known => known === major)

/** One statement of a parsed text: its node, and its stretch of the text in UTF-8 bytes, without the semicolon. */
export interface ParsedStatement extends TypedNode {
  readonly start: number
  readonly end: number
}

/** What parsing gave. Messages never hold a part of the text. */
export type ParseOutcome =
  | { readonly kind: 'parsed'; readonly statements: readonly ParsedStatement[] }
  /** `offset`: in UTF-8 bytes. */
  | { readonly kind: 'syntax-error'; readonly message: string; readonly offset: number }
  /** The parser itself failed. Nothing is known about the text, and the instance that failed is gone. */
  | { readonly kind: 'failure'; readonly message: string }

/** The raw grammar of one server major. */
export interface Grammar {
  readonly major: Major
  /** Total: never throws. The text must be free of NUL and of lone surrogates, and without comments (see blankComments). */
  readonly parse: (text: string) => ParseOutcome
}

type Create = typeof create15
type Parser = Awaited<ReturnType<Create>>

const CREATORS: Readonly<Record<Major, Create>> = { 15: create15, 16: create16, 17: create17, 18: create18 }

/** Errors raised in these files of the server's source are about the text. All others are about the parser. */
const SYNTAX_FILES: ReadonlySet<string> = new Set([
  'scan.l',
  'gram.y',
  'src_backend_nodes_makefuncs.c',
  'src_backend_parser_parser.c',
  'src_backend_utils_mb_mbutils.c',
])

/** The instance in use and one in reserve. */
const INSTANCES = 2

const silent = (): void => undefined

/**
 * Loads the grammar of a server major. Keeps a second instance ready: one that failed in any other way than by a syntax
 * error is thrown away (deep recursion leaves it broken for every later text), and where the next isn't ready yet,
 * texts are refused until it is.
 *
 * @throws Error when the WASM module can't be instantiated.
 * @example
 * const grammar = await loadGrammar(17)
 * grammar.parse('select 1') // { kind: 'parsed', statements: [{ type: 'SelectStmt', start: 0, end: 8, … }] }
 */
export async function loadGrammar(major: Major): Promise<Grammar> {
  const create = (): Promise<Parser> => CREATORS[major]({ print: silent, printErr: silent })
  const ready = await Promise.all([create(), create()])
  let starting = false

  const startAnother = (): void => {
    if (starting || ready.length >= INSTANCES) return
    starting = true
    // One that can't start now is tried again at the next parse.
    const settled = create().then(parser => ready.push(parser), silent)
    void settled.finally(() => {
      starting = false
    })
  }

  const parse = (text: string): ParseOutcome => {
    startAnother()
    const [parser] = ready
    if (parser === undefined) return { kind: 'failure', message: 'no parser is ready' }
    const outcome = parseWith(parser, text)
    if (outcome.kind === 'failure') {
      ready.shift()
      startAnother()
    }
    return outcome
  }

  return { major, parse }
}

function parseWith(parser: Parser, text: string): ParseOutcome {
  // Grammars differ in what they give for nothing.
  if (text.trim() === '') return { kind: 'parsed', statements: [] }
  try {
    const bytes = parser.lengthBytesUTF8(text)
    const pointer = parser._malloc(bytes + 1)
    parser.stringToUTF8(text, pointer, bytes + 1)
    const result = parser._wasm_parse_query_raw(pointer)
    const outcome = readResult(parser, result, text, bytes)
    parser._wasm_free_parse_result(result)
    parser._free(pointer)
    return outcome
  } catch {
    // A trap or a stack overflow. What it says may quote the text, and helps nobody.
    return { kind: 'failure', message: 'the parser failed' }
  }
}

/** struct PgQueryParseResult { char *parse_tree; char *stderr_buffer; PgQueryError *error } */
function readResult(parser: Parser, result: number, text: string, bytes: number): ParseOutcome {
  if (result === 0) return { kind: 'failure', message: 'the parser is out of memory' }
  const error = parser.getValue(result + 8, 'i32')
  if (error !== 0) return readError(parser, error, text)
  const tree = parser.getValue(result, 'i32')
  if (tree === 0) return { kind: 'failure', message: 'the parser gave no tree' }
  const root: unknown = JSON.parse(parser.UTF8ToString(tree))
  const statements = statementsOf(root, bytes)
  return statements === null
    ? { kind: 'failure', message: 'the parser gave a malformed tree' }
    : { kind: 'parsed', statements }
}

function statementsOf(root: unknown, bytes: number): readonly ParsedStatement[] | null {
  if (typeof root !== 'object' || root === null) return null
  const statements: ParsedStatement[] = []
  for (const raw of nodesAt({ ...root }, 'stmts')) {
    const typed = typedAt(raw, 'stmt')
    if (typed === null) return null
    const start = numberAt(raw, 'stmt_location')
    const length = numberAt(raw, 'stmt_len')
    statements.push({ ...typed, start, end: length === 0 ? bytes : start + length })
  }
  return statements
}

/** struct PgQueryError { char *message; char *funcname; char *filename; int lineno; int cursorpos; char *context } */
function readError(parser: Parser, error: number, text: string): ParseOutcome {
  const message = parser.UTF8ToString(parser.getValue(error, 'i32'))
  const file = parser.UTF8ToString(parser.getValue(error + 8, 'i32'))
  if (!SYNTAX_FILES.has(file) || message.includes('memory')) return { kind: 'failure', message: 'the parser failed' }
  // A 1-based count of characters, or 0 where the parser can't say.
  const position = parser.getValue(error + 16, 'i32')
  return { kind: 'syntax-error', message: withoutText(message), offset: byteOffset(text, position - 1) }
}

/** `syntax error at or near "…"` quotes the text, literals and all: only what comes before may be shown. */
const withoutText = (message: string): string => message.split(/ at or near | at end of input|[":']/, 1)[0] ?? ''

function byteOffset(text: string, characters: number): number {
  let bytes = 0
  let seen = 0
  for (const character of text) {
    if (seen >= characters) break
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    seen += 1
  }
  return bytes
}
