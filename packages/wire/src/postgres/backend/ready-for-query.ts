import { Reader } from '../../bytes/reader.ts'
import { BACKEND } from '../tags.ts'

/** Where the session stands: outside a transaction, in one, or in one that failed. Manual 54.7. */
export type TransactionStatus = 'idle' | 'transaction' | 'failed'

/** ReadyForQuery: the server waits for the next batch. Manual 54.7. */
export interface ReadyForQuery {
  readonly status: TransactionStatus
}

// Manual 54.7: I, T and E.
const IDLE = 0x49
const TRANSACTION = 0x54
const FAILED = 0x45

// One array each for all callers, never written to.
const FRAMES: Readonly<Record<TransactionStatus, Uint8Array>> = {
  idle: Uint8Array.of(BACKEND.readyForQuery, 0, 0, 0, 5, IDLE),
  transaction: Uint8Array.of(BACKEND.readyForQuery, 0, 0, 0, 5, TRANSACTION),
  failed: Uint8Array.of(BACKEND.readyForQuery, 0, 0, 0, 5, FAILED),
}

/**
 * Reads the body of a ReadyForQuery (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { status } = decodeReadyForQuery(frame.body)
 */
export function decodeReadyForQuery(body: Uint8Array): ReadyForQuery {
  const reader = new Reader(body, 'ReadyForQuery')
  const code = reader.byte()
  reader.end()
  switch (code) {
    case IDLE:
      return { status: 'idle' }
    case TRANSACTION:
      return { status: 'transaction' }
    case FAILED:
      return { status: 'failed' }
    default:
      throw reader.malformed(`has status ${code}, expected I, T or E`)
  }
}

/**
 * The frame of a ReadyForQuery (manual 54.7), shared and not to be written to.
 *
 * @example
 * link.write(encodeReadyForQuery({ status: 'idle' }))
 */
export function encodeReadyForQuery({ status }: ReadyForQuery): Uint8Array {
  return FRAMES[status]
}
