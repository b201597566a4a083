import { readFileSync } from 'node:fs'
import type { Log } from './log.ts'

/** The client's socket, the database's, and the recording. */
const OF_A_SESSION = 3
/** Listeners, logs, threads, what has not logged in yet. */
const MARGIN = 100

/** Says so where sessions would run out of descriptors before they run out of places. */
export function warnOfDescriptors(sessionsMax: number, log: Log): void {
  const descriptors = descriptorsMax(limitsOfProcess())
  const descriptorsNeeded = OF_A_SESSION * sessionsMax + MARGIN
  if (descriptors >= descriptorsNeeded) return
  log.warn(
    { descriptors, descriptorsNeeded },
    'this process may open fewer files than `limits.sessions` needs: raise its limit of descriptors, or lower that',
  )
}

/** The soft limit as proc(5) shows it. */
export function descriptorsMax(limits: string): number {
  const soft = /^Max open files +(\d+) /m.exec(limits)?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

function limitsOfProcess(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return '' // no such place on this system
  }
}
