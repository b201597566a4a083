import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { IdleSession } from './idle-watch.ts'
import { openLog } from './log.ts'
import { watchLoopDelay } from './loop-delay.ts'
import { memoryInUse, memoryOfMachine, startWatchdog } from './watchdog.ts'

const GIB = 1_073_741_824
let stop: () => void = () => undefined
afterEach(() => stop())

interface Watched {
  readonly reasons: (string | null)[]
  readonly ended: number[]
  readonly lines: string[]
  evicted: number
}

function watch(memoryPart: () => number, idle: readonly number[] = []): Watched {
  const watched: Watched = { reasons: [], ended: [], lines: [], evicted: 0 }
  const sessions = new Map<number, IdleSession>(
    idle.map(idleSince => [
      idleSince,
      {
        idleSince,
        end: () => {
          watched.ended.push(idleSince)
          sessions.delete(idleSince)
        },
      },
    ]),
  )
  stop = startWatchdog({
    lagMsMax: () => 200,
    memory: () => ({ bytes: memoryPart() * GIB, bytesMax: GIB }),
    shed: reason => watched.reasons.push(reason),
    idleSessions: () => [...sessions.values()],
    onEvicted: count => {
      watched.evicted += count
    },
    log: openLog('info', { write: line => watched.lines.push(line) }),
  })
  return watched
}

/** Holds the event loop up. */
function block(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

/** Waits until something is so; what runs beside this test may make everything late. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20)
}

describe('O1: an event loop that is late', () => {
  test('again and again sheds new sessions, and takes them again once it is on time', async () => {
    const { reasons, lines } = watch(() => 0.1)
    while (!reasons.some(reason => reason !== null)) {
      block(400)
      await sleep(1)
    }
    expect(reasons.find(reason => reason !== null)).toMatch(/^this gateway is overloaded/)
    await until(() => reasons.at(-1) === null)
    expect(lines.join('')).toMatch(/"reason":"lag".*new sessions are turned away/)
    expect(lines.join('')).toContain('new sessions are taken again')
  })

  test('tells how late it was', async () => {
    const loop = watchLoopDelay()
    stop = loop.stop
    await sleep(50)
    block(300)
    await sleep(50)
    expect(loop.recent().maxMs).toBeGreaterThan(250)
  })
})

describe('F35: memory', () => {
  test.each([
    [0.79, false, 0],
    [0.81, true, 0],
    [0.91, true, 1],
  ])('%d of the limit', async (part, isShed, evicted) => {
    const watched = watch(() => part, [5, 3, 9, 1])
    await until(() => watched.reasons.length >= 1)
    stop()
    expect(watched.reasons[0] !== null && /short of memory/.test(watched.reasons[0] ?? '')).toBe(isShed)
    expect(watched.evicted > 0).toBe(evicted > 0)
  })

  test('over 90 % closes the sessions that have been idle longest, a few at each look', async () => {
    const watched = watch(
      () => 0.95,
      Array.from({ length: 20 }, (_, i) => 20 - i),
    )
    await until(() => watched.reasons.length >= 2)
    stop()
    expect(watched.ended.slice(0, 4)).toEqual([1, 2, 3, 4])
    expect(watched.ended.length).toBeLessThan(20)
    expect(watched.evicted).toBe(watched.ended.length)
  })

  test('is what the process has of its limit, or of the heap’s where that is nearer', () => {
    const rss = process.memoryUsage.rss()
    expect(memoryInUse(rss * 2).bytes / rss).toBeCloseTo(1, 0)
    // With memory without end only the heap can run out.
    const { bytes, bytesMax } = memoryInUse(Number.MAX_SAFE_INTEGER)
    expect([bytes < rss, bytesMax < Number.MAX_SAFE_INTEGER]).toEqual([true, true])
    expect(memoryOfMachine()).toBeGreaterThan(rss)
  })
})
