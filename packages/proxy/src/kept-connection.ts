import { UpstreamError } from './postgres/upstream-error.ts'
import type { Upstream } from './postgres/upstream-login.ts'
import { after } from './timer.ts'

/** A connection of the gateway's own that is kept from one question to the next. One asks at a time. */
export interface KeptConnection {
  /** Whether there is one that isn't known to be gone. */
  readonly isKept: () => boolean
  /**
   * Asks on the kept connection, or on a new one where there is none. What fails or is late closes it.
   *
   * @param timeoutMs - for the answer, in milliseconds; a login has its own
   * @throws {UpstreamError} `late` is its message where no answer came in time; and whatever `question` throws
   */
  readonly ask: <T>(timeoutMs: number, late: string, question: (upstream: Upstream) => Promise<T>) => Promise<T>
}

/**
 * Keeps a connection while it is asked on, and for a while longer. It holds nothing up when the gateway ends.
 *
 * @param options.idleMs - How long it is kept that nobody asks by, in milliseconds.
 * @example
 * const connection = keptConnection({ logIn: () => logIn(new Map()), idleMs: 10_000 })
 * const version = await connection.ask(1_000, 'the database did not answer', upstream => ask(upstream))
 */
export function keptConnection(options: {
  readonly logIn: () => Promise<Upstream>
  readonly idleMs: number
}): KeptConnection {
  let kept: Upstream | null = null
  let callOffIdle = (): void => undefined
  const drop = (): void => {
    kept?.link.end()
    kept = null
  }
  const living = (): Upstream | null => {
    if (kept?.link.gone.aborted === true) drop()
    return kept
  }
  return {
    isKept: () => living() !== null,
    ask: async (timeoutMs, late, question) => {
      callOffIdle()
      try {
        const upstream = living() ?? (await options.logIn())
        kept = upstream
        return await answeredWithin(timeoutMs, late, upstream, question)
      } catch (error) {
        drop()
        throw error
      } finally {
        callOffIdle = after(options.idleMs, drop)
      }
    },
  }
}

async function answeredWithin<T>(
  timeoutMs: number,
  late: string,
  upstream: Upstream,
  question: (upstream: Upstream) => Promise<T>,
): Promise<T> {
  const { socket } = upstream.link
  socket.ref()
  let isLate = false
  const callOff = after(timeoutMs, () => {
    isLate = true
    socket.destroy()
  })
  try {
    return await question(upstream)
  } catch (error) {
    throw isLate ? new UpstreamError('UNREACHABLE', late) : error
  } finally {
    callOff()
    socket.unref()
  }
}
