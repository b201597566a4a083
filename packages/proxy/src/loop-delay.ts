import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How late the event loop is: while it is, everybody waits (threats O1). */
export interface LoopDelay {
  /** Over the last ten seconds or less. */
  readonly recent: () => { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  readonly stop: () => void
}

const RESOLUTION_MS = 10
const RECENT_MS = 10_000
const NS_PER_MS = 1e6

/** Measures by Node's own timer, outside of JavaScript. */
export function watchLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  const read = (): ReturnType<LoopDelay['recent']> => ({
    p50Ms: lateMs(histogram.percentile(50)),
    p99Ms: lateMs(histogram.percentile(99)),
    maxMs: lateMs(histogram.max),
  })
  let last = { p50Ms: 0, p99Ms: 0, maxMs: 0 }
  const timer = setInterval(() => {
    last = read()
    histogram.reset()
  }, RECENT_MS).unref()
  return {
    recent: () => {
      const now = read()
      // A span that has just begun says little yet.
      return now.maxMs > last.maxMs || histogram.count * RESOLUTION_MS > RECENT_MS / 2 ? now : last
    },
    stop: () => {
      clearInterval(timer)
      histogram.disable()
    },
  }
}

/** Node's histogram holds the time from one tick of its timer to the next, which is the delay and the timer's own. */
const lateMs = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS)
