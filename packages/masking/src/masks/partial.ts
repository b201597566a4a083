import type { Mask } from '@querywarden/policy-core'
import { hasCharacters, indexAfter, indexBefore } from '../characters.ts'
import type { ColumnType } from '../column-type.ts'
import { type CompiledMask, type TextMask, TO_NULL } from '../compiled-mask.ts'
import { call, literal } from '../sql-text.ts'
import { computedText } from '../text-column.ts'
import { isStorableText } from '../utf8.ts'

type PartialMask = Extract<Mask, { kind: 'partial' }>

/** A value is shown in part only if this many characters stay hidden: `Ann` through first 1, last 1 would be a riddle. */
export const PARTIAL_HIDDEN_MIN = 4
/** How often `fill` stands for what is hidden, however long that is. */
export const PARTIAL_FILL_COUNT = 4

/** The first and last characters around a fixed run of fill; text types only, NULL for the others. */
export const partial = (mask: PartialMask, type: ColumnType): CompiledMask =>
  type.kind === 'text' ? computedText(type, partialText(mask)) : TO_NULL

/** The pieces of a partial mask, checked: what makes no sense shows nothing. */
export function partialShape({ first, last, fill }: PartialMask): { first: number; last: number; run: string } {
  return {
    first: shown(first),
    last: shown(last),
    run: (isStorableText(fill) ? fill : '*').repeat(PARTIAL_FILL_COUNT),
  }
}

/** The mask over text. Characters are code points, as for char_length in a UTF-8 database. */
export function partialText(mask: PartialMask): TextMask {
  const { first, last, run } = partialShape(mask)
  const charactersMin = first + last + PARTIAL_HIDDEN_MIN
  const fill = `CAST(${literal(run)} AS pg_catalog.text)`

  return {
    sql: text => {
      const open = call(
        'textcat',
        call('textcat', call('left', text, `${first}`), fill),
        call('right', text, `${last}`),
      )
      const isLong = call('int4ge', call('char_length', text), `${charactersMin}`)
      return `CASE WHEN ${text} IS NULL THEN NULL WHEN ${isLong} THEN ${open} ELSE ${fill} END`
    },
    text: text =>
      hasCharacters(text, charactersMin)
        ? text.slice(0, indexAfter(text, first)) + run + text.slice(indexBefore(text, last))
        : run,
  }
}

const SHOWN_MAX = 1_000_000
const shown = (count: number): number => (Number.isInteger(count) && count >= 0 && count <= SHOWN_MAX ? count : 0)
