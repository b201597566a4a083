import { isUtf8 } from 'node:buffer'
import {
  clientAction,
  decodeFrontend,
  decodeQuery,
  FRONTEND,
  type Frame,
  FrameError,
  type FrontendMessage,
} from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { ConversationError } from './conversation-error.ts'
import type { Report } from './error-response.ts'

/** A message of the extended protocol that asks for something. */
export type Ask =
  | Extract<FrontendMessage, { kind: 'parse' | 'bind' | 'describe' | 'execute' | 'close' }>
  /** A whole message that can't be read or isn't served. All up to the Sync is refused, and the session goes on. */
  | { readonly kind: 'refused'; readonly report: Report }

/** What a client wants decided at once: a Query, or all up to a Sync or Flush. */
export type Batch =
  | { readonly kind: 'query'; readonly text: string }
  | { readonly kind: 'extended'; readonly asks: readonly Ask[]; readonly end: 'sync' | 'flush' }
  /** A Query or FunctionCall that can't be read or isn't served. */
  | { readonly kind: 'refused'; readonly report: Report }
  | { readonly kind: 'terminate' }
  | { readonly kind: 'gone' }

export interface BatchLimits {
  readonly asksMax: number
  readonly bytesMax: number
}

/** Reads a client's messages as batches. Nothing of a batch is sent anywhere before it is decided whole. */
export class BatchReader {
  readonly #client: Link
  readonly #limits: BatchLimits
  #asks: Ask[] = []
  #bytes = 0
  /** A Query that ended the messages ahead of it, to be read next. */
  #query: Frame | null = null

  constructor(client: Link, limits: BatchLimits) {
    this.#client = client
    this.#limits = limits
  }

  /**
   * The next batch. `phase` says how its messages count; messages of an unfinished one are kept.
   * @throws {ConversationError} a message that has no place here, or too much before a Sync
   * @throws {FrameError} the client broke the framing
   */
  async next(phase: 'open' | 'skipping'): Promise<Batch> {
    for (;;) {
      const batch = this.#take(phase)
      if (batch !== null) return batch
      await this.#client.arrival()
    }
  }

  /** A whole batch out of what has arrived, or null. */
  #take(phase: 'open' | 'skipping'): Batch | null {
    if (this.#query !== null) {
      const query = this.#query
      this.#query = null
      if (phase === 'open') return readQuery(query)
    }
    for (;;) {
      if (this.#isAheadOfItsCopy()) return this.#extended('flush')
      const frame = this.#client.take()
      if (frame === undefined) return null
      if (frame === null) return { kind: 'gone' }
      this.#count(frame)
      const batch = this.#add(frame, phase)
      if (batch !== null) return batch
    }
  }

  /** COPY data right behind an Execute: were that a COPY FROM STDIN, the server would take it without waiting for a Sync. */
  #isAheadOfItsCopy(): boolean {
    if (this.#asks.at(-1)?.kind !== 'execute') return false
    const tag = this.#client.peek()
    return tag === FRONTEND.copyData || tag === FRONTEND.copyDone || tag === FRONTEND.copyFail
  }

  #count(frame: Frame): void {
    this.#bytes += frame.bytes.length
    const { asksMax, bytesMax } = this.#limits
    if (this.#asks.length < asksMax && this.#bytes <= bytesMax) return
    throw new ConversationError(
      'protocol-violation',
      `a batch may have ${asksMax} messages and ${bytesMax} bytes before its Sync`,
      '54000',
    )
  }

  #add(frame: Frame, phase: 'open' | 'skipping'): Batch | null {
    const action = clientAction(phase, frame.tag)
    switch (action) {
      case 'query':
        if (this.#asks.length === 0) return this.#ended(readQuery(frame))
        // It ends the implicit transaction of the messages ahead of it, which the server has worked on by then.
        this.#query = frame
        return this.#extended('flush')
      case 'sync':
        return this.#extended('sync')
      case 'flush':
        return this.#extended('flush')
      case 'collect':
        this.#asks.push(readAsk(frame))
        return null
      case 'refuse':
        if (this.#asks.length === 0) return this.#ended({ kind: 'refused', report: FUNCTION_CALL })
        this.#asks.push({ kind: 'refused', report: FUNCTION_CALL })
        return null
      case 'ignore':
        // Nothing is kept of it, so it may go on for as long as it likes.
        this.#bytes -= frame.bytes.length
        return null
      case 'terminate':
        return { kind: 'terminate' }
      case 'copy-data':
      case 'copy-done':
      case 'copy-fail':
      case 'violation':
        throw new ConversationError('protocol-violation', `message ${frame.tag} has no place in a session`)
    }
  }

  #extended(end: 'sync' | 'flush'): Batch {
    return this.#ended({ kind: 'extended', asks: this.#asks, end })
  }

  #ended(batch: Batch): Batch {
    this.#asks = []
    this.#bytes = 0
    return batch
  }
}

function readQuery(frame: Frame): Batch {
  try {
    return { kind: 'query', text: decodeQuery(frame.body).query }
  } catch (error) {
    return { kind: 'refused', report: malformed(error, frame) }
  }
}

function readAsk(frame: Frame): Ask {
  try {
    return askOf(frame)
  } catch (error) {
    return { kind: 'refused', report: malformed(error, frame) }
  }
}

function askOf(frame: Frame): Ask {
  const message = decodeFrontend(frame, null)
  switch (message.kind) {
    case 'parse':
    case 'bind':
    case 'describe':
    case 'execute':
    case 'close':
      return message
    default:
      throw new ConversationError('protocol-violation', `message ${frame.tag} has no place in a session`)
  }
}

const FUNCTION_CALL: Report = {
  sqlstate: '0A000',
  message: 'the function call protocol is not spoken here: it names functions by number, past every policy',
  hint: 'call the function in a SELECT',
}

/** As the server has it: 22021 for text that isn't UTF-8, 08P01 for all else that is wrong inside a whole message. */
function malformed(error: unknown, { tag, body }: Frame): Report {
  if (!(error instanceof FrameError)) throw error
  const isText = tag === FRONTEND.query || tag === FRONTEND.parse
  return {
    sqlstate: isText && !isUtf8(body) ? '22021' : '08P01',
    message: `message refused: ${error.message}`,
    hint: 'this gateway reads UTF-8 without NUL only, and every message to its last byte',
  }
}
