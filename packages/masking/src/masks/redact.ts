import type { ColumnType } from '../column-type.ts'
import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'
import { fixedJson } from '../json/fixed-json.ts'
import { fixedText } from '../text-column.ts'
import { fixedXml } from '../xml-column.ts'

/** What a redacted text reads. ASCII, so that every server encoding holds it. */
export const REDACTED = '[redacted]'

/**
 * A fixed text for text types, cut to n, and for xml; for json a string of it; NULL for the others. Shows nothing, not even
 * whether there was a value.
 */
export function redact(type: ColumnType): CompiledMask {
  switch (type.kind) {
    case 'text':
      return fixedText(type, REDACTED)
    case 'json':
      return fixedJson(type, JSON.stringify(REDACTED))
    case 'xml':
      return fixedXml(REDACTED)
    default:
      return TO_NULL
  }
}
