import { encodeCancelRequest } from '@querywarden/wire/postgres'
import type { TargetConfig } from '../config/config.ts'
import type { Upstream } from './upstream-login.ts'
import { connectTarget } from './upstream-login.ts'

const CANCEL_MS_MAX = 5_000

/**
 * Asks the database to stop what a session runs, over a connection as protected as the session's own. Resolves once the
 * database has taken the request: until then the session must not start anything else.
 */
export async function cancelUpstream(target: TargetConfig, { processId, secretKey }: Upstream): Promise<void> {
  const socket = await connectTarget(target, AbortSignal.timeout(CANCEL_MS_MAX))
  await new Promise<void>(resolve => {
    socket.setTimeout(CANCEL_MS_MAX, () => socket.destroy())
    socket.once('close', () => resolve())
    socket.once('error', () => socket.destroy())
    socket.resume()
    socket.end(encodeCancelRequest(processId, secretKey))
  })
}
