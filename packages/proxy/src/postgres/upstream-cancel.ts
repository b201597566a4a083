import { encodeCancelRequest } from '@querywarden/wire/postgres'
import type { ReachedTarget } from '../config/config.ts'
import { connectTarget } from './connect-target.ts'
import type { Upstream } from './upstream-login.ts'

const CANCEL_MS_MAX = 5_000

/**
 * Asks the database to stop what a session runs, over a connection as protected as the session's own. Resolves once the
 * database has taken the request: until then the session must not start anything else.
 */
export async function cancelUpstream(
  target: ReachedTarget,
  { processId, secretKey }: Pick<Upstream, 'processId' | 'secretKey'>,
): Promise<void> {
  const socket = await connectTarget(target, AbortSignal.timeout(CANCEL_MS_MAX))
  await new Promise<void>(resolve => {
    socket.setTimeout(CANCEL_MS_MAX, () => socket.destroy())
    socket.once('close', () => resolve())
    socket.once('error', () => socket.destroy())
    socket.resume()
    socket.end(encodeCancelRequest(processId, secretKey))
  })
}

/**
 * Asks once for as many as ask while a request is under way: the session starts nothing until that is over, so all mean
 * the same statement, and a client that cancels in a loop opens no more than one connection at a time (threats E10).
 */
export function mergedCancel(cancel: () => Promise<void>): () => Promise<void> {
  let underWay: Promise<void> | null = null
  return () => {
    underWay ??= cancel().finally(() => {
      underWay = null
    })
    return underWay
  }
}
