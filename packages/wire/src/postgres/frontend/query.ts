import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** Query: text that may hold several statements, to run by the simple protocol. */
export interface Query {
  readonly query: string
  /** The bytes that `query` was decoded from, without their terminator; encoding `query` gives the same. */
  readonly queryBytes: Uint8Array
}

/**
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

/** @throws FrameError `UNENCODABLE` */
export function encodeQuery({ query }: Pick<Query, 'query'>): Uint8Array {
  const writer = new Writer(FRONTEND.query, query.length + 1)
  writer.cstring(query)
  return writer.finish()
}
