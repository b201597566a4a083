import { errorResponse } from './error-response.ts'
import type { Running } from './expected.ts'

export type Stop = NonNullable<Running['stopped']>

/** Why the gateway itself stopped a statement, for the recording and for the client. */
export const STOPS: Readonly<Record<Stop, string>> = {
  rows: 'the row limit of the policy was reached',
  bytes: 'the byte limit of the policy was reached',
  time: 'the time limit of the policy was reached',
}

export const limitError = (why: Stop): Uint8Array =>
  errorResponse({
    // 57014 is query_canceled, 54000 program_limit_exceeded.
    sqlstate: why === 'time' ? '57014' : '54000',
    message: `statement stopped: ${STOPS[why]}`,
    detail: JSON.stringify({ querywarden: 1, code: 'LIMIT_EXCEEDED', limit: why }),
    hint: 'ask for less: narrow the WHERE, aggregate, or add a LIMIT; a write may have taken effect',
  })

/** Whether anything but the statement itself may end it. */
export const isLimited = ({ cleared }: Running): boolean => {
  const { rowsMax, bytesMax, timeMsMax } = cleared.obligations.limits
  return rowsMax !== null || bytesMax !== null || timeMsMax !== null
}

/** Counts a row on its way to the client: `stop` where it would be one too many. */
export function countRow(running: Running, frameBytes: number): 'rows' | 'bytes' | null {
  const { rowsMax } = running.cleared.obligations.limits
  const { run } = running.portal
  if (rowsMax !== null && run.rows >= rowsMax) return 'rows'
  run.rows += 1
  return countBytes(running, frameBytes) ? null : 'bytes'
}

/** How much more of a statement's rows may go to the client; Infinity where nothing bounds it. */
export interface Room {
  readonly rowsMax: number
  readonly bytesMax: number
}

/** What `countRow` would still let through. */
export function roomOf({ portal: { run }, cleared }: Running): Room {
  const { rowsMax, bytesMax } = cleared.obligations.limits
  return {
    rowsMax: rowsMax === null ? Infinity : rowsMax - run.rows,
    bytesMax: bytesMax === null ? Infinity : bytesMax - run.bytes,
  }
}

/** Counts rows that there was room for. */
export function countRows({ portal: { run } }: Running, rows: number, bytes: number): void {
  run.rows += rows
  run.bytes += bytes
}

/** Counts bytes of rows or of COPY data; false where they are too many. */
export function countBytes({ portal: { run }, cleared }: Running, bytes: number): boolean {
  const { bytesMax } = cleared.obligations.limits
  run.bytes += bytes
  return bytesMax === null || run.bytes <= bytesMax
}
