import { Reader } from '../../bytes/reader.ts'
import { decodeUtf8 } from '../../bytes/utf8.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** Parse: prepares one statement under a name. Manual 54.7. */
export interface Parse {
  /** The statement's name; empty for the unnamed one. */
  readonly name: string
  readonly query: string
  /** The bytes that `query` was decoded from, without their terminator; encoding `query` gives the same. */
  readonly queryBytes: Uint8Array
  /** Type OIDs of the first parameters; 0 leaves a type to the server. */
  readonly parameterTypes: readonly number[]
}

/**
 * Reads the body of a Parse (manual 54.7).
 *
 * @throws FrameError `MALFORMED` for text that isn't UTF-8 or holds a NUL
 * @example
 * const { name, query, parameterTypes } = decodeParse(frame.body)
 */
export function decodeParse(body: Uint8Array): Parse {
  const reader = new Reader(body, 'Parse')
  const name = reader.cstring()
  const queryBytes = reader.cstringBytes()
  const query = decodeUtf8(queryBytes, 'Parse')
  // The server reads this count as unsigned (exec_parse_message, src/backend/tcop/postgres.c).
  const count = reader.count(reader.uint16(), 4)
  const parameterTypes: number[] = []
  for (let i = 0; i < count; i++) parameterTypes.push(reader.uint32())
  reader.end()
  return { name, query, queryBytes, parameterTypes }
}

/**
 * The frame of a Parse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeParse({ name: '', query: cleared.statement.text, parameterTypes: [] })
 */
export function encodeParse({ name, query, parameterTypes }: Omit<Parse, 'queryBytes'>): Uint8Array {
  const writer = new Writer(FRONTEND.parse, name.length + query.length + 4 + parameterTypes.length * 4)
  writer.cstring(name)
  writer.cstring(query)
  writer.uint16(parameterTypes.length)
  for (const oid of parameterTypes) writer.uint32(oid)
  return writer.finish()
}
