import { COPY_DONE, decodeCopyFail, encodeCopyData, encodeCopyFail, FRONTEND } from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { ConversationError } from './conversation-error.ts'

/**
 * Relays COPY data until the client says that it is all, or the server has ended the COPY: `done`.
 * @throws {ConversationError} the client left, or sent what has no place here (threats P9)
 */
export async function relayCopyIn(client: Link, upstream: Link, done: Promise<unknown>): Promise<void> {
  let hasEnded = false
  const ended = done.finally(() => {
    hasEnded = true
  })
  // It may fail while nobody waits for it here.
  ended.catch(() => undefined)
  for (;;) {
    // What comes behind the end belongs to the next batch.
    if (hasEnded) return
    const frame = client.take()
    if (frame === undefined) {
      await Promise.race([client.arrival(), ended])
      continue
    }
    if (frame === null) throw new ConversationError('client-left', 'the client left during COPY')
    switch (frame.tag) {
      case FRONTEND.copyData:
        upstream.write(encodeCopyData({ data: frame.body }))
        await upstream.drained()
        break
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        upstream.write(frame.tag === FRONTEND.copyDone ? COPY_DONE : encodeCopyFail(decodeCopyFail(frame.body)))
        await ended
        return
      case FRONTEND.flush:
      case FRONTEND.sync:
        // The server ignores both here (manual, COPY Operations).
        break
      default:
        throw new ConversationError('protocol-violation', `message ${frame.tag} has no place inside COPY`)
    }
  }
}
