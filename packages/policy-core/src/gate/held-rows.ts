import type { Cell, MaskRow, Watcher } from '../hooks.ts'
import type { Target } from '../target.ts'

/** Puts the masks of a result on rows that are held whole, in place. */
export function maskRows(mask: MaskRow | null, rows: Cell[][]): void {
  if (mask === null) return
  for (const row of rows) mask(row)
}

/** The name of a value in rows that must never leave the target, or null. */
export function canaryIn(watch: Watcher | undefined, target: Target, rows: readonly Cell[][]): string | null {
  if (watch === undefined) return null
  for (const row of rows)
    for (const cell of row) {
      const name = cell === null ? null : watch(cell, target)
      if (name !== null) return name
    }
  return null
}
