import type { CopyFormat } from '@querywarden/policy-core'
import { encodeUtf8 } from '../utf8.ts'
import { type FieldSyntax, malformed } from './delimited-copy.ts'
import { isSame } from './text-fields.ts'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
/** Alone on a line, it would end the data (manual, COPY, "CSV Format"). */
const END_OF_DATA = encodeUtf8('\\.')

type CsvFormat = Extract<CopyFormat, { kind: 'csv' }>

/** Signs of a CSV format, as bytes. */
interface Signs {
  readonly delimiter: number
  readonly quote: number
  readonly escape: number
}

/** Fields of the CSV format (manual, COPY, "CSV Format"; CopyAttributeOutCSV): either quoted as a whole or not at all. */
export function csvFields(format: CsvFormat): FieldSyntax {
  const signs: Signs = {
    delimiter: format.delimiter.charCodeAt(0),
    quote: format.quote.charCodeAt(0),
    escape: format.escape.charCodeAt(0),
  }
  const nullBytes = encodeUtf8(format.nullText)

  return {
    endOf: endFinder(signs),
    masked: (written, mask) => {
      const isQuoted = written.length > 1 && written[0] === signs.quote
      if (!isQuoted && isSame(written, nullBytes)) return written
      const value = isQuoted ? unquoted(written, signs) : written
      const shown = mask(value)
      if (shown === value) return written
      if (shown === null) return nullBytes
      return isQuoted || needsQuotes(shown, signs, nullBytes) ? quoted(shown, signs) : shown
    },
  }
}

/**
 * Where in a field a push has ended. `escaped`: behind an escape within quotes. `closed`: behind a quote within quotes, which
 * is the last one unless another follows, where the two signs are one.
 */
type Within = 'start' | 'plain' | 'quoted' | 'escaped' | 'closed'

function endFinder({ delimiter, quote, escape: escapeSign }: Signs): FieldSyntax['endOf'] {
  let within: Within = 'start'
  const next = (byte: number): Within => {
    switch (within) {
      case 'start':
        return byte === quote ? 'quoted' : 'plain'
      case 'plain':
        if (byte === quote) throw malformed('quote within a field that is not quoted')
        return 'plain'
      case 'quoted':
        if (byte === escapeSign && escapeSign !== quote) return 'escaped'
        return byte === quote ? 'closed' : 'quoted'
      case 'escaped':
        return 'quoted'
      case 'closed':
        if (byte !== quote || escapeSign !== quote) throw malformed('text behind a closing quote')
        return 'quoted'
    }
  }
  return (data, from) => {
    for (let at = from; at < data.length; at++) {
      const byte = data[at] ?? 0
      const isOpen = within === 'quoted' || within === 'escaped'
      if (!isOpen && (byte === delimiter || byte === LINE_FEED)) {
        within = 'start'
        return at
      }
      within = next(byte)
    }
    return -1
  }
}

function unquoted(written: Uint8Array, { quote, escape: escapeSign }: Signs): Uint8Array {
  const inner = written.subarray(1, -1)
  if (!inner.includes(quote) && !inner.includes(escapeSign)) return inner
  const value = Buffer.alloc(inner.length)
  let length = 0
  for (let at = 0; at < inner.length; at++) {
    // The server writes an escape before quotes and escapes, and nowhere else.
    if (inner[at] === escapeSign) at++
    value[length++] = inner[at] ?? 0
  }
  return value.subarray(0, length)
}

function quoted(value: Uint8Array, { quote, escape: escapeSign }: Signs): Uint8Array {
  const written = Buffer.alloc(value.length * 2 + 2)
  let length = 0
  written[length++] = quote
  for (const byte of value) {
    if (byte === quote || byte === escapeSign) written[length++] = escapeSign
    written[length++] = byte
  }
  written[length++] = quote
  return written.subarray(0, length)
}

const needsQuotes = (value: Uint8Array, { delimiter, quote }: Signs, nullBytes: Uint8Array): boolean =>
  isSame(value, nullBytes) ||
  isSame(value, END_OF_DATA) ||
  [delimiter, quote, LINE_FEED, CARRIAGE_RETURN].some(sign => value.includes(sign))
