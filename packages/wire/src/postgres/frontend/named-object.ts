import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'

/** A prepared statement or a portal, by its name; the empty name is the unnamed one. Manual 54.7. */
export interface NamedObject {
  readonly kind: 'statement' | 'portal'
  readonly name: string
}

const STATEMENT = 0x53
const PORTAL = 0x50

/** The body that Describe and Close share: `S` or `P`, and a name. */
export function decodeNamedObject(body: Uint8Array, message: string): NamedObject {
  const reader = new Reader(body, message)
  const code = reader.byte()
  if (code !== STATEMENT && code !== PORTAL) throw reader.malformed(`is about kind ${code}, expected S or P`)
  const name = reader.cstring()
  reader.end()
  return { kind: code === STATEMENT ? 'statement' : 'portal', name }
}

export function encodeNamedObject(tag: number, { kind, name }: NamedObject): Uint8Array {
  const writer = new Writer(tag, name.length + 2)
  writer.byte(kind === 'statement' ? STATEMENT : PORTAL)
  writer.cstring(name)
  return writer.finish()
}
