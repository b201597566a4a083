import type { TextType } from './column-type.ts'
import type { CompiledMask, TextMask } from './compiled-mask.ts'
import { fitText, stripPadding } from './fit-text.ts'
import { cast, literal } from './sql-text.ts'
import { decodeUtf8, encodeUtf8, isStorableText } from './utf8.ts'

/** One text for every value of a text column. */
export function fixedText(type: TextType, text: string): CompiledMask {
  const fitted = fitText(type, text)
  return { kind: 'fixed', sql: literal(text), text: fitted, binary: encodeUtf8(fitted) }
}

/** A mask over text, fitted to a text column. What isn't well-formed UTF-8 becomes NULL. */
export function computedText(type: TextType, mask: TextMask): CompiledMask {
  const masked = (text: string): string => fitText(type, mask.text(type.padded ? stripPadding(text) : text))
  return {
    kind: 'computed',
    sql: reference => mask.sql(cast(reference, 'pg_catalog.text')),
    text: text => (isStorableText(text) ? masked(text) : null),
    binary: bytes => {
      const text = decodeUtf8(bytes)
      return text === null ? null : encodeUtf8(masked(text))
    },
  }
}
