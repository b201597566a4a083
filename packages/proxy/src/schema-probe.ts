import { type SchemaVersion, schemaVersion } from '@querywarden/sql/postgres'
import { runOwnQuery } from './postgres/catalog-query.ts'
import { UpstreamError } from './postgres/upstream-error.ts'
import type { Upstream } from './postgres/upstream-login.ts'
import { after } from './timer.ts'

/** How long a connection is kept that nobody asks by. */
const IDLE_MS = 10_000

/**
 * Asks a database which version of its schema it has, on a connection that is kept from one question to the next. A kept
 * one that turns out to be gone is replaced once (threats N3).
 *
 * @param options.timeoutMs - For a whole answer, in milliseconds.
 * @example
 * const version = schemaProbe({ logIn: () => logIn(new Map()), timeoutMs: 10_000 })
 * const before = await version()
 */
export function schemaProbe(options: {
  readonly logIn: () => Promise<Upstream>
  readonly timeoutMs: number
}): () => Promise<string> {
  const { logIn, timeoutMs } = options
  let kept: { readonly upstream: Upstream; known: SchemaVersion | null } | null = null
  let callOffIdle = (): void => undefined
  let last: Promise<unknown> = Promise.resolve()

  const drop = (): void => {
    kept?.upstream.link.end()
    kept = null
  }
  const askOn = async (one: NonNullable<typeof kept>): Promise<string> => {
    const { socket } = one.upstream.link
    socket.ref()
    let isLate = false
    const callOff = after(timeoutMs, () => {
      isLate = true
      socket.destroy()
    })
    try {
      one.known = await schemaVersion(text => runOwnQuery(one.upstream, text), one.known)
      return one.known.text
    } catch (error) {
      drop()
      if (!isLate) throw error
      throw new UpstreamError(
        'UNREACHABLE',
        `the database did not say the version of its schema within ${timeoutMs} ms`,
      )
    } finally {
      callOff()
      // It holds nothing up when the gateway ends.
      socket.unref()
    }
  }
  const ask = async (): Promise<string> => {
    callOffIdle()
    try {
      const known = kept
      if (known !== null && !known.upstream.link.gone.aborted) {
        const answer = await askOn(known).catch(() => null)
        if (answer !== null) return answer
      }
      drop()
      // What was said before was perhaps another server's.
      kept = { upstream: await logIn(), known: null }
      return await askOn(kept)
    } finally {
      callOffIdle = after(IDLE_MS, drop)
    }
  }
  return () => {
    const answer = last.then(ask, ask)
    last = answer.catch(() => undefined)
    return answer
  }
}
