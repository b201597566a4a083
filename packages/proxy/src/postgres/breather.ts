import { setImmediate } from 'node:timers/promises'

/** So much work is done before the other sessions have their turn. */
const WORK_MS_MAX = 5

/**
 * For long work in small steps on the one thread that serves everybody: call it before each step, and it lets go of the
 * thread whenever the work so far has taken long enough (threats O1).
 */
export function breather(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < WORK_MS_MAX) return
    await setImmediate()
    since = performance.now()
  }
}
