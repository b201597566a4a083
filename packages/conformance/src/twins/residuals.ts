import type { TwinScript } from './script.ts'

/** A way in which statements may tell the sides apart, that docs/masking.md says is left. */
export interface Residual {
  readonly name: string
  readonly isIn: (sql: string) => boolean
}

/** All there are. What differs in any other way is a finding. */
export const RESIDUALS: readonly Residual[] = [
  {
    // What was written before takes as much room as it takes, masked or not.
    name: 'positions in the write-ahead log',
    isIn: sql => /pg_current_wal_|pg_last_wal_|pg_wal_|pg_stat_get_wal/i.test(sql),
  },
  {
    // Two servers can't be one: nothing of the data is in it.
    name: 'when the server started',
    isIn: sql => /pg_conf_load_time|pg_postmaster_start_time/i.test(sql),
  },
]

/** The first one that a script has in it. */
export const residualOf = ({ steps }: TwinScript): Residual | null =>
  RESIDUALS.find(({ isIn }) => steps.some(({ sql }) => isIn(sql))) ?? null
