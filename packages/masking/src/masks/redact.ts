import type { ColumnType } from '../column-type.ts'
import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'
import { fixedText } from '../text-column.ts'

/** What a redacted text reads. ASCII, so that every server encoding holds it. */
export const REDACTED = '[redacted]'

/** Fixed text for text types, cut to n; NULL for the others. Shows nothing, not even whether there was a value. */
export const redact = (type: ColumnType): CompiledMask => (type.kind === 'text' ? fixedText(type, REDACTED) : TO_NULL)
