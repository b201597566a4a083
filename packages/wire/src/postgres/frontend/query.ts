import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** Query: text that may hold several statements, to run by the simple protocol. Manual 54.7. */
export interface Query {
  readonly query: string
  /** The bytes that `query` was decoded from, without their terminator; encoding `query` gives the same. */
  readonly queryBytes: Uint8Array
}

/**
 * Reads the body of a Query (manual 54.7).
 *
 * @throws FrameError `MALFORMED` for text that isn't UTF-8 or holds a NUL
 * @example
 * const { query } = decodeQuery(frame.body)
 */
export function decodeQuery(body: Uint8Array): Query {
  const reader = new Reader(body, 'Query')
  const query = reader.cstring()
  reader.end()
  return { query, queryBytes: body.subarray(0, body.byteLength - 1) }
}

/**
 * The frame of a Query (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeQuery({ query: 'select 1' })
 */
export function encodeQuery({ query }: Pick<Query, 'query'>): Uint8Array {
  const writer = new Writer(FRONTEND.query, query.length + 1)
  writer.cstring(query)
  return writer.finish()
}
