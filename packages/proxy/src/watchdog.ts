import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { IdleSession } from './idle-watch.ts'
import type { Log } from './log.ts'
import { residentBytes } from './resident-bytes.ts'

export interface WatchdogParts {
  /** Later than this twice in a row, and new sessions are shed (threats O1): one long pause is not yet an overload. */
  readonly lagMsMax: () => number
  readonly memory: () => { readonly bytes: number; readonly bytesMax: number }
  /** Turns new sessions away for as long as there is a reason. */
  readonly shed: (reason: string | null) => void
  readonly idleSessions: () => readonly IdleSession[]
  readonly onEvicted: (sessions: number) => void
  readonly log: Log
}

const TICK_MS = 50
/** So many ticks on time, and new sessions are taken again; so often memory is looked at. */
const CALM_TICKS = 5
/** Parts of the memory limit from which new sessions are shed, and idle ones closed (threats F35). */
const SHED_FROM = 0.8
const EVICT_FROM = 0.9
/** Idle sessions closed at each look, as a part of them: memory comes back later than a session ends. */
const EVICTED_PART = 0.1

/** Looks after the process, by a timer that is late when everything is. Gives what stops it. */
export function startWatchdog(parts: WatchdogParts): () => void {
  let lastMs = performance.now()
  let lateTicks = 0
  let calmTicks = 0
  let isLagging = false
  let shedding: string | null = null
  const tick = (): void => {
    const nowMs = performance.now()
    const lagMs = nowMs - lastMs - TICK_MS
    lastMs = nowMs
    const isLate = lagMs > parts.lagMsMax()
    lateTicks = isLate ? lateTicks + 1 : 0
    calmTicks = isLate ? 0 : calmTicks + 1
    isLagging = isLagging ? calmTicks < CALM_TICKS : lateTicks >= 2
    if (!isLate && calmTicks % CALM_TICKS !== 0) return
    const { bytes, bytesMax } = parts.memory()
    const reason = whyShed(isLagging, bytes / bytesMax)
    if (reason !== shedding) tell(parts.log, reason, { lagMs: Math.round(lagMs), bytes, bytesMax })
    shedding = reason
    parts.shed(reason)
    if (bytes > EVICT_FROM * bytesMax) evict(parts)
  }
  const timer = setInterval(tick, TICK_MS).unref()
  return () => clearInterval(timer)
}

const OVERLOADED = 'this gateway is overloaded and takes no new sessions for a moment'
const OUT_OF_MEMORY = 'this gateway is short of memory and takes no new sessions for a moment'

const whyShed = (isLagging: boolean, memoryPart: number): string | null => {
  if (memoryPart > SHED_FROM) return OUT_OF_MEMORY
  return isLagging ? OVERLOADED : null
}

function tell(
  log: Log,
  reason: string | null,
  { lagMs, bytes, bytesMax }: { readonly lagMs: number; readonly bytes: number; readonly bytesMax: number },
): void {
  const fields = { lagMs, memoryBytes: bytes, memoryBytesMax: bytesMax }
  if (reason === null) log.info(fields, 'new sessions are taken again')
  else log.warn({ ...fields, reason: reason === OVERLOADED ? 'lag' : 'memory' }, 'new sessions are turned away')
}

function evict({ idleSessions, onEvicted, log }: WatchdogParts): void {
  const idle = idleSessions().toSorted((a, b) => a.idleSince - b.idleSince)
  const longest = idle.slice(0, Math.ceil(idle.length * EVICTED_PART))
  if (longest.length === 0) return
  for (const session of longest) session.end()
  onEvicted(longest.length)
  log.warn({ sessions: longest.length }, 'idle sessions were closed because memory ran out')
}

/**
 * The memory in use, and what may be: of the process, and of V8's heap, which ends the process before the machine does.
 * Given as bytes of the one that is nearer to its limit.
 */
export function memoryInUse(bytesMax: number): { readonly bytes: number; readonly bytesMax: number } {
  const rss = residentBytes()
  const heap = getHeapStatistics()
  return heap.used_heap_size / heap.heap_size_limit > rss / bytesMax
    ? { bytes: heap.used_heap_size, bytesMax: heap.heap_size_limit }
    : { bytes: rss, bytesMax }
}

/** What the container or, without a limit there, the machine has. */
export function memoryOfMachine(): number {
  const constrained = process.constrainedMemory()
  const total = totalmem()
  return constrained > 0 && constrained < total ? constrained : total
}
