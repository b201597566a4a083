import { COPY_DONE, decodeCopyFail, encodeCopyData, encodeCopyFail, FRONTEND } from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { ConversationError } from './conversation-error.ts'

/**
 * Relays COPY data until the client says that it is all, or the server has ended the COPY: `done`. Gives what is still
 * to be sent to the server, ahead of a Sync: it ignored any until now, and answers a CopyDone only at the next one.
 * @throws {ConversationError} the client left, or sent what has no place here (threats P9)
 */
export async function relayCopyIn(client: Link, upstream: Link, done: Promise<unknown>): Promise<Uint8Array> {
  let hasEnded = false
  const ended = done.finally(() => {
    hasEnded = true
  })
  // It may fail while nobody waits for it here.
  ended.catch(() => undefined)
  for (;;) {
    // What comes behind the end belongs to the next batch.
    if (hasEnded) return NOTHING
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
        return COPY_DONE
      case FRONTEND.copyFail:
        return encodeCopyFail(decodeCopyFail(frame.body))
      case FRONTEND.flush:
      case FRONTEND.sync:
        // The server ignores both here (manual, COPY Operations).
        break
      default:
        throw new ConversationError('protocol-violation', `message ${frame.tag} has no place inside COPY`)
    }
  }
}

const NOTHING = new Uint8Array(0)
