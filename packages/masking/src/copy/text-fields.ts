import type { CopyFormat } from '@querywarden/policy-core'
import { encodeUtf8 } from '../utf8.ts'
import { type FieldSyntax, malformed } from './delimited-copy.ts'

const BACKSLASH = 0x5c
const LINE_FEED = 0x0a

/** Signs that are written as a letter behind a backslash (CopyAttributeOutText in src/backend/commands/copyto.c). */
const LETTERS: ReadonlyMap<number, number> = new Map(
  Object.entries({ '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v' }).map(([sign, letter]) => [
    sign.charCodeAt(0),
    letter.charCodeAt(0),
  ]),
)
const SIGNS: ReadonlyMap<number, number> = new Map([...LETTERS].map(([sign, letter]) => [letter, sign]))

/** Fields of the text format (manual, COPY, "Text Format"). */
export function textFields(format: Extract<CopyFormat, { kind: 'text' }>): FieldSyntax {
  const delimiter = format.delimiter.charCodeAt(0)
  const nullBytes = encodeUtf8(format.nullText)
  let isEscaped = false

  return {
    endOf: (data, from) => {
      for (let at = from; at < data.length; at++) {
        const byte = data[at]
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === delimiter || byte === LINE_FEED) return at
      }
      return -1
    },
    masked: (written, mask) => {
      if (isSame(written, nullBytes)) return written
      const value = unescaped(written, delimiter)
      const shown = mask(value)
      return shown === value ? written : shown === null ? nullBytes : escaped(shown, delimiter)
    },
  }
}

/** Octal and hexadecimal escapes are read by the server and never written. */
function unescaped(written: Uint8Array, delimiter: number): Uint8Array {
  if (!written.includes(BACKSLASH)) return written
  const value = Buffer.alloc(written.length)
  let length = 0
  for (let at = 0; at < written.length; at++) {
    let byte = written[at] ?? 0
    if (byte === BACKSLASH) {
      const next = written[++at] ?? 0
      const sign = next === BACKSLASH || next === delimiter ? next : SIGNS.get(next)
      if (sign === undefined) throw malformed('unknown escape')
      byte = sign
    }
    value[length++] = byte
  }
  return value.subarray(0, length)
}

function escaped(value: Uint8Array, delimiter: number): Uint8Array {
  const written = Buffer.alloc(value.length * 2)
  let length = 0
  for (const byte of value) {
    const letter = LETTERS.get(byte)
    if (letter !== undefined || byte === BACKSLASH || byte === delimiter) written[length++] = BACKSLASH
    written[length++] = letter ?? byte
  }
  return written.subarray(0, length)
}

/** Whether two runs of bytes are equal. */
export const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])
