import { UpstreamError } from './postgres/upstream-error.ts'

/** Failures in a row before a target is left alone for a while. */
const FAILURES_MAX = 5
const PAUSE_MS_MIN = 500
const PAUSE_MS_MAX = 15_000

/**
 * Keeps everybody from waiting for a database that can't be reached (threats F19). After some failures in a row it isn't
 * tried for a while, which is longer each time and never the same for two gateways; then one tries for all. Only what
 * says that nobody is there counts: a wrong password is told each time anew.
 *
 * @param options.random - From 0 to 1.
 * @example
 * const logIn = circuitBreaker(() => logInUpstream(target, password, settings, limits), { monotonic, random: Math.random })
 */
export function circuitBreaker<A extends readonly unknown[], T>(
  attempt: (...args: A) => Promise<T>,
  { monotonic, random }: { readonly monotonic: () => number; readonly random: () => number },
): (...args: A) => Promise<T> {
  let failures = 0
  let closedUntilMs = 0
  let isTrying = false

  const fail = (): void => {
    failures += 1
    if (failures < FAILURES_MAX) return
    const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (failures - FAILURES_MAX))
    closedUntilMs = monotonic() + pauseMs * (0.5 + random() / 2)
  }

  return async (...args) => {
    const isTripped = failures >= FAILURES_MAX
    if (isTripped && (isTrying || monotonic() < closedUntilMs)) throw leftAlone(closedUntilMs - monotonic())
    if (isTripped) isTrying = true
    try {
      const result = await attempt(...args)
      failures = 0
      return result
    } catch (error) {
      if (error instanceof UpstreamError && error.code === 'UNREACHABLE') fail()
      else failures = 0
      throw error
    } finally {
      if (isTripped) isTrying = false
    }
  }
}

const leftAlone = (leftMs: number): UpstreamError =>
  new UpstreamError(
    'UNREACHABLE',
    `the database could not be reached several times in a row, and is tried again in ${Math.max(1, Math.ceil(leftMs / 1_000))} s`,
  )
