import type { RowRecording } from '../decision.ts'

/** Of several ways to record rows the one that keeps the most; null where there is none. */
export function mostRecorded(ways: readonly RowRecording[]): RowRecording | null {
  let most: RowRecording | null = null
  for (const way of ways) if (most === null || isMore(way, most)) most = way
  return most
}

/** Whether one way keeps rows that another doesn't. */
export const isMore = (one: RowRecording, other: RowRecording): boolean => rowsKept(one) > rowsKept(other)

function rowsKept(way: RowRecording): number {
  switch (way.kind) {
    case 'digest':
      return 0
    case 'first':
      return way.rows
    case 'all':
      return Number.POSITIVE_INFINITY
  }
}
