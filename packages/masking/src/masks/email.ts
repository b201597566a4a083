import { hasCharacters, indexAfter } from '../characters.ts'
import type { ColumnType } from '../column-type.ts'
import { type CompiledMask, type TextMask, TO_NULL } from '../compiled-mask.ts'
import { byCodePoint, call, literal } from '../sql-text.ts'
import { computedText } from '../text-column.ts'

const HIDDEN = '***'
/** A host name of two labels or more, behind the last at sign. Without backslashes, so that no setting can bend it. */
const DOMAIN = '@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+$'

/** First letter and domain; text types only, NULL for the others. What is no address shows nothing: `***`. */
export const email = (type: ColumnType): CompiledMask =>
  type.kind === 'text' ? computedText(type, EMAIL_TEXT) : TO_NULL

/** The mask over text. A local part of one letter isn't shown: it would be all of it. */
export const EMAIL_TEXT: TextMask = {
  sql: text => {
    const domainLength = call('char_length', call('split_part', byCodePoint(text), literal('@'), '-1'))
    const localIsLong = call('int4ge', call('int4mi', call('char_length', text), domainLength), '3')
    const first = `CASE WHEN ${localIsLong} THEN ${call('left', text, '1')} ELSE '' END`
    const shown = call('textcat', call('textcat', first, literal(`${HIDDEN}@`)), call('right', text, domainLength))
    const isAddress = call('textregexeq', byCodePoint(text), literal(DOMAIN))
    return `CASE WHEN ${text} IS NULL THEN NULL WHEN ${isAddress} THEN ${shown} ELSE ${literal(HIDDEN)} END`
  },
  text: text => {
    const at = text.lastIndexOf('@')
    if (at < 0 || !isDomain(text, at + 1)) return HIDDEN
    const local = text.slice(0, at)
    return `${hasCharacters(local, 2) ? local.slice(0, indexAfter(local, 1)) : ''}${HIDDEN}${text.slice(at)}`
  },
}

/** {@link DOMAIN} by hand: linear in every text, which an expression with nested repeats need not be. */
function isDomain(text: string, start: number): boolean {
  let dots = 0
  let labelStart = start
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0x2e) {
      if (at === labelStart) return false
      dots++
      labelStart = at + 1
    } else if (!isLabelUnit(unit)) return false
  }
  return dots > 0 && labelStart < text.length
}

const isLabelUnit = (unit: number): boolean =>
  (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a) || unit === 0x2d
