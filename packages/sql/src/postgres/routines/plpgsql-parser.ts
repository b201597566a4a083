import create from 'libpg-query-18/wasm/libpg-query.js'
import { type Node, nodeAt, typedAt, typedNodesAt } from '../node.ts'

/** The parser of PL/pgSQL code. */
export interface PlpgsqlParser {
  /**
   * The PLpgSQL_function of a CREATE FUNCTION, or null where the text has none or can't be parsed. The text must have
   * passed the checks that come before every parse.
   *
   * @throws Error when no parser is ready: asked again a moment later, it may be.
   */
  readonly parse: (createFunction: string) => Node | null
}

type Parser = Awaited<ReturnType<typeof create>>

/** The instance in use and one in reserve. */
const INSTANCES = 2

const silent = (): void => undefined

/**
 * Loads the parser of PL/pgSQL. Only the package of 18 has one; the language is the same in all majors, and its queries
 * are parsed by the grammar of the server's own. An instance that fails on a text is thrown away, as those of grammars are.
 *
 * @throws Error when the WASM module can't be instantiated.
 * @example
 * const plpgsql = await loadPlpgsql()
 * plpgsql.parse('create function f() returns int language plpgsql as $$begin return 1; end$$') // { action: …, datums: … }
 */
export async function loadPlpgsql(): Promise<PlpgsqlParser> {
  const start = (): Promise<Parser> => create({ print: silent, printErr: silent })
  const ready = [await start()]
  let starting = false

  const startAnother = (): void => {
    if (starting || ready.length >= INSTANCES) return
    starting = true
    const settled = start().then(parser => ready.push(parser), silent)
    void settled.finally(() => {
      starting = false
    })
  }

  const parse = (createFunction: string): Node | null => {
    startAnother()
    const [parser] = ready
    if (parser === undefined) throw new Error('no parser of PL/pgSQL is ready')
    try {
      return functionIn(textOf(parser, createFunction))
    } catch {
      ready.shift()
      startAnother()
      return null
    }
  }
  return { parse }
}

function textOf(parser: Parser, text: string): string {
  const bytes = parser.lengthBytesUTF8(text)
  const pointer = parser._malloc(bytes + 1)
  parser.stringToUTF8(text, pointer, bytes + 1)
  const result = parser._wasm_parse_plpgsql(pointer)
  const json = result === 0 ? '' : parser.UTF8ToString(result)
  if (result !== 0) parser._wasm_free_string(result)
  parser._free(pointer)
  return json
}

/** Anything but a JSON object is an error message; one about memory or the parser itself looks no other. */
function functionIn(json: string): Node | null {
  if (!json.startsWith('{')) return null
  const root: unknown = JSON.parse(json)
  if (typeof root !== 'object' || root === null) return null
  const functions = typedNodesAt({ ...root }, 'plpgsql_funcs')
  const [only] = functions
  if (functions.length !== 1 || only?.type !== 'PLpgSQL_function') return null
  return typedAt(only.body, 'action') === null || nodeAt(only.body, 'action') === null ? null : only.body
}
