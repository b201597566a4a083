import type { ColumnType } from '../column-type.ts'
import { type CompiledMask, type TextMask, TO_NULL } from '../compiled-mask.ts'
import type { KeyedHash } from '../keyed-hash.ts'
import { call, cast, literal } from '../sql-text.ts'
import { computedText } from '../text-column.ts'

/** Fewer hex digits than 128 bits' worth would make unequal values look equal, so a narrower column shows NULL. */
export const HASH_CHARACTERS_MIN = 32

/** Keyed hash: hex for text types, a UUID for uuid, 32 bytes for bytea, NULL for the others and for narrow columns. */
export function hash(keyed: KeyedHash, type: ColumnType): CompiledMask {
  switch (type.kind) {
    case 'text':
      if ((type.charactersMax ?? HASH_CHARACTERS_MIN) < HASH_CHARACTERS_MIN) return TO_NULL
      return computedText(type, hashText(keyed))
    case 'uuid':
      return hashUuid(keyed)
    case 'bytea':
      return hashBytes(keyed)
    default:
      return TO_NULL
  }
}

/** HMAC-SHA-256 in hex of the text's UTF-8. */
export const hashText = (keyed: KeyedHash): TextMask => ({
  sql: text => hexOf(keyed, text),
  text: text => keyed.hex(text),
})

const hexOf = (keyed: KeyedHash, text: string): string =>
  call('encode', keyed.sql(call('convert_to', text, literal('UTF8'))), literal('hex'))

/** A UUID of version 8 (RFC 9562, section 5.8) made of 120 bits of the hash of the canonical text. */
function hashUuid(keyed: KeyedHash): CompiledMask {
  const fromText = (text: string): string | null => {
    if (!CANONICAL_UUID.test(text)) return null
    const hex = keyed.hex(text)
    return withDashes(`${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`)
  }
  return {
    kind: 'computed',
    sql: reference => {
      const hex = call('left', hexOf(keyed, cast(reference, 'pg_catalog.text')), '32')
      const version = call('overlay', hex, literal('8'), '13', '1')
      return call('overlay', version, literal('8'), '17', '1')
    },
    text: fromText,
    binary: bytes => {
      if (bytes.length !== UUID_BYTES) return null
      const uuid = fromText(withDashes(Buffer.from(bytes).toString('hex')))
      return uuid === null ? null : Buffer.from(uuid.replaceAll('-', ''), 'hex')
    },
  }
}

const UUID_BYTES = 16
const CANONICAL_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const withDashes = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`

/** The bytes themselves are hashed. Their text form is read where it is hex; bytea_output = escape gives NULL. */
function hashBytes(keyed: KeyedHash): CompiledMask {
  return {
    kind: 'computed',
    sql: keyed.sql,
    text: text =>
      HEX_BYTEA.test(text) ? `\\x${keyed.digest(Buffer.from(text.slice(2), 'hex')).toString('hex')}` : null,
    binary: bytes => keyed.digest(bytes),
  }
}

const HEX_BYTEA = /^\\x(?:[0-9a-f]{2})*$/
