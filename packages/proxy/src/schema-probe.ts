import { type SchemaVersion, schemaVersion } from '@querywarden/sql/postgres'
import { keptConnection } from './kept-connection.ts'
import { runOwnQuery } from './postgres/catalog-query.ts'
import type { Upstream } from './postgres/upstream-login.ts'

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
  const connection = keptConnection({ logIn, idleMs: IDLE_MS })
  const late = `the database did not say the version of its schema within ${timeoutMs} ms`
  let known: { readonly of: Upstream; readonly version: SchemaVersion } | null = null
  let last: Promise<unknown> = Promise.resolve()

  const askOnce = (): Promise<string> =>
    connection.ask(timeoutMs, late, async upstream => {
      // What was said on another connection was perhaps another server's.
      const before = known?.of === upstream ? known.version : null
      const version = await schemaVersion(text => runOwnQuery(upstream, text), before)
      known = { of: upstream, version }
      return version.text
    })
  const ask = async (): Promise<string> => {
    const answer = connection.isKept() ? await askOnce().catch(() => null) : null
    return answer ?? askOnce()
  }
  return () => {
    const answer = last.then(ask, ask)
    last = answer.catch(() => undefined)
    return answer
  }
}
