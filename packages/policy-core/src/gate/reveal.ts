import { USER_OID_MIN } from '../catalog.ts'
import type { UsedRelation } from '../facts.ts'
import type { MaskCopy, Masker, MaskFrames, Masking, MaskRow, ResultColumn } from '../hooks.ts'
import type { MaskedColumn } from '../mask.ts'
import type { Cleared } from './cleared.ts'

/**
 * What the result side makes of a result's columns before its first row goes out.
 * `raw`: the server says that a column comes straight from where only a masked value, or none of this statement's
 * columns at all, may come from. The rewriting went wrong; the result must be dropped.
 */
export type Revelation = { readonly kind: 'clean'; readonly mask: MaskRow | null } | RawRevelation
export type RawRevelation = {
  readonly kind: 'raw'
  readonly code: 'RAW_COLUMN' | 'UNEXPECTED_ORIGIN'
  readonly message: string
}

/** Where a result column comes from, as the server says it. */
export type ColumnOrigin = Pick<ResultColumn, 'tableOid' | 'attnum'>

/** Judges a result's columns by where the server says they come from: a check that shares nothing with the rewriter. */
export function reveal(masker: Masker, cleared: Cleared, columns: readonly ResultColumn[]): Revelation {
  const raw = rawAmong(cleared, columns)
  return raw ?? { kind: 'clean', mask: masker({ detect: cleared.obligations.detect }, columns) }
}

/** The same for rows on the wire. At most one of the two is there: `frames` where the masking works on bytes. */
export type FramesRevelation =
  | { readonly kind: 'clean'; readonly mask: MaskRow | null; readonly frames: MaskFrames | null }
  | RawRevelation

/** As `reveal`, for whoever has rows as bytes of the wire. */
export function revealFrames(masking: Masking, cleared: Cleared, columns: readonly ResultColumn[]): FramesRevelation {
  const raw = rawAmong(cleared, columns)
  if (raw !== null) return raw
  const plan = { detect: cleared.obligations.detect }
  return masking.frames === undefined
    ? { kind: 'clean', mask: masking.rows(plan, columns), frames: null }
    : { kind: 'clean', mask: null, frames: masking.frames(plan, columns) }
}

/**
 * What looks into the data of a COPY, or null where the policy has nothing to look for. What can't be looked into was refused.
 * `columns`: those of the data, as the server describes them; null where it didn't.
 */
export function copyMask(
  { copy }: Masking,
  { facts: { copyFormat }, obligations: { detect } }: Cleared,
  columns: readonly ResultColumn[] | null,
): MaskCopy | null {
  if (detect.length === 0) return null
  if (copy === undefined || copyFormat === undefined) throw new Error('COPY data that nobody can look into was cleared')
  return copy({ detect }, copyFormat, columns ?? undefined)
}

/** Whether the policy hides something of what a statement was judged to use, or looks for something in what it gives. */
export function hasToHide(cleared: Cleared): boolean {
  const { masks, detect } = cleared.obligations
  if (masks.length > 0 || detect.length > 0) return true
  return [...hiddenColumns(cleared).values()].some(({ size }) => size > 0)
}

/**
 * The first column that comes from where it must not, or null. What hides a column is asked of the policy that the
 * statement was judged by, for each relation that it was judged to read: not of the masks that were to be put into it.
 * Those are what may have been forgotten.
 */
export function rawAmong(cleared: Cleared, columns: readonly ColumnOrigin[]): RawRevelation | null {
  let known: HiddenColumns | null = null
  for (const { tableOid, attnum } of columns) {
    if (tableOid < USER_OID_MIN) continue
    known ??= hiddenColumns(cleared)
    const hidden = known.get(tableOid)
    if (hidden === undefined) return UNEXPECTED_ORIGIN
    // Attribute 0 is the whole row (markTargetListOrigin in parse_target.c).
    if (attnum === 0 ? hidden.size > 0 : hidden.has(attnum)) return RAW_COLUMN
  }
  return null
}

/** Columns by their numbers, of relations by their oids. */
type HiddenColumns = ReadonlyMap<number, ReadonlySet<number>>

/**
 * What is hidden of each relation that a statement was judged to use, and of those that the views among them read: by the
 * policy, and by the masks that were to be put in.
 */
function hiddenColumns({ facts, obligations, maskedColumns }: Cleared): HiddenColumns {
  const hidden = new Map<number, Set<number>>()
  const hide = (oid: number, columns: readonly MaskedColumn[]): void => {
    const attnums = hidden.get(oid) ?? new Set()
    hidden.set(oid, attnums)
    for (const { column } of columns) attnums.add(column.attnum)
  }
  const seen = new Set<UsedRelation>()
  const add = (relation: UsedRelation): void => {
    if (seen.has(relation)) return
    seen.add(relation)
    hide(relation.oid, relation.kind === 'catalog' ? [] : maskedColumns(relation))
    for (const read of relation.view?.reads ?? []) add(read)
  }
  for (const use of facts.uses) if (use.kind === 'relation') add(use.relation)
  for (const { relation, columns } of obligations.masks) {
    add(relation)
    hide(relation.oid, columns)
  }
  return hidden
}

const RAW_COLUMN: RawRevelation = {
  kind: 'raw',
  code: 'RAW_COLUMN',
  message: 'result dropped: a masked column arrived unmasked',
}

const UNEXPECTED_ORIGIN: RawRevelation = {
  kind: 'raw',
  code: 'UNEXPECTED_ORIGIN',
  message: 'result dropped: a column comes from a relation that the statement was not judged to read',
}
