import { type Pace, pauseBetween, type ReplayMoment } from '@querywarden/recording'

/** Where a replay is shown, and who looks on. */
export interface Screen {
  readonly write: (text: string) => void
  /** The next key that is pressed, or null where none is within so many milliseconds. */
  readonly keyWithin: (ms: number) => Promise<Key | null>
}

export type Key = 'pause' | 'faster' | 'slower' | 'next' | 'quit'

const [SPEED_MIN, SPEED_MAX] = [0.25, 256]
/** A timer can't wait longer (Node's documentation of timers); paused is until a key is pressed. */
const FOREVER_MS = 2_147_483_647
const CLEAR_LINE = '\r\u001b[K'

/** Tells a session in its time, as the one who looks on wants it: they may pause, go on, speed up and leave. */
export async function play(moments: AsyncIterable<ReplayMoment>, screen: Screen, pace: Pace): Promise<void> {
  let [speed, before, isSkipping]: [number, number | null, boolean] = [pace.speed, null, false]
  for await (const moment of moments) {
    if (isSkipping) isSkipping = !moment.isStatement
    else {
      const waited = await wait(pauseBetween(before, moment.monotonic, { ...pace, speed }), speed, screen)
      if (waited.end === 'quit') return
      speed = waited.speed
      isSkipping = waited.end === 'next' && !moment.isStatement
    }
    screen.write(moment.lines.map(line => `${line}\n`).join(''))
    before = moment.monotonic ?? before
  }
}

/** Waits until it is time, or a key says what else to do. */
async function wait(
  ms: number,
  speed: number,
  screen: Screen,
): Promise<{ readonly end: 'time' | 'next' | 'quit'; readonly speed: number }> {
  let [left, isPaused, now] = [ms, false, speed]
  for (;;) {
    const since = performance.now()
    const key = await screen.keyWithin(isPaused ? FOREVER_MS : left)
    if (!isPaused) left = Math.max(left - (performance.now() - since), 0)
    switch (key) {
      case null:
        if (!isPaused) return { end: 'time', speed: now }
        break
      case 'quit':
      case 'next':
        if (isPaused) screen.write(CLEAR_LINE)
        return { end: key, speed: now }
      case 'pause':
        isPaused = !isPaused
        screen.write(isPaused ? '-- paused: space goes on, → next statement, q quits --' : CLEAR_LINE)
        break
      case 'faster':
      case 'slower': {
        const next = Math.min(Math.max(key === 'faster' ? now * 2 : now / 2, SPEED_MIN), SPEED_MAX)
        left *= now / next
        now = next
        break
      }
    }
  }
}
