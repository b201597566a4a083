/** The longest delay that setTimeout keeps; beyond it Node fires after 1 ms (threats O3). */
const DELAY_MS_MAX = 2 ** 31 - 1

/** Runs `action` after `ms`, however long that is. Gives the function that calls it off. */
export function after(ms: number, action: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (left: number): void => {
    const step = Math.min(Math.max(left, 0), DELAY_MS_MAX)
    timer = setTimeout(() => (left > step ? arm(left - step) : action()), step)
    timer.unref()
  }
  arm(ms)
  return () => clearTimeout(timer)
}
