import type { WriteStream } from 'node:tty'

/** How long something takes before a person is told how far it is. */
const QUIET_MS = 1_000
const EVERY_MS = 100
const WIDTH = 30

export interface ProgressBar {
  readonly show: (done: number, total: number) => void
  /** Takes it away again. */
  readonly end: () => void
}

/** A line that tells how far something is, on a terminal, where it takes more than a second. */
export function progressBar(to: WriteStream, what: string): ProgressBar {
  const start = performance.now()
  let last = 0
  return {
    show: (done, total) => {
      const now = performance.now()
      if (to.isTTY !== true || now - start < QUIET_MS || now - last < EVERY_MS) return
      last = now
      to.write(`\r${barLine(what, { done, total, seconds: (now - start) / 1_000 })}`)
    },
    end: () => {
      if (last > 0) to.write('\r\u001b[K')
    },
  }
}

/** Such as `verifying [######........] 43 %  210 MB/s`. */
export function barLine(
  what: string,
  at: { readonly done: number; readonly total: number; readonly seconds: number },
): string {
  const share = at.total === 0 ? 1 : Math.min(1, at.done / at.total)
  const full = Math.floor(share * WIDTH)
  const speed = at.seconds > 0 ? Math.round(at.done / 1e6 / at.seconds) : 0
  return `${what} [${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${Math.floor(share * 100)} %  ${speed} MB/s`
}
