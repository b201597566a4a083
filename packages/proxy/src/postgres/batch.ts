import { isUtf8 } from 'node:buffer'
import {
  type Bind,
  type Close,
  type Describe,
  decodeBind,
  decodeClose,
  decodeDescribe,
  decodeExecute,
  decodeParse,
  decodeQuery,
  type Execute,
  FRONTEND,
  type Frame,
  FrameError,
  type Parse,
} from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { ConversationError } from './conversation-error.ts'
import type { Report } from './error-response.ts'

/** A message of the extended protocol that asks for something. */
export type Ask =
  | { readonly kind: 'parse'; readonly message: Parse }
  | { readonly kind: 'bind'; readonly message: Bind }
  | { readonly kind: 'describe'; readonly message: Describe }
  | { readonly kind: 'execute'; readonly message: Execute }
  | { readonly kind: 'close'; readonly message: Close }
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

/** Reads one batch. Nothing of it is sent anywhere: it is decided whole. */
export async function readBatch(client: Link, limits: BatchLimits): Promise<Batch> {
  const asks: Ask[] = []
  let bytes = 0
  for (;;) {
    const frame = await client.read()
    if (frame === null) return { kind: 'gone' }
    bytes += frame.bytes.length
    if (asks.length >= limits.asksMax || bytes > limits.bytesMax) {
      throw new ConversationError(
        'protocol-violation',
        `a batch may have ${limits.asksMax} messages and ${limits.bytesMax} bytes before its Sync`,
        '54000',
      )
    }
    switch (frame.tag) {
      case FRONTEND.query:
        // A Query inside an extended batch is a batch of its own; libpq never does that, and the server syncs on it.
        if (asks.length > 0)
          throw new ConversationError('protocol-violation', 'a Query came before the Sync of the messages ahead of it')
        return readQuery(frame)
      case FRONTEND.sync:
        return { kind: 'extended', asks, end: 'sync' }
      case FRONTEND.flush:
        return { kind: 'extended', asks, end: 'flush' }
      case FRONTEND.terminate:
        return { kind: 'terminate' }
      case FRONTEND.functionCall:
        if (asks.length === 0) return { kind: 'refused', report: FUNCTION_CALL }
        asks.push({ kind: 'refused', report: FUNCTION_CALL })
        break
      case FRONTEND.copyData:
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        // Left over from a COPY that the server ended by an error; it ignores them, as the manual says.
        break
      default:
        asks.push(readAsk(frame))
    }
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
  switch (frame.tag) {
    case FRONTEND.parse:
      return { kind: 'parse', message: decodeParse(frame.body) }
    case FRONTEND.bind:
      return { kind: 'bind', message: decodeBind(frame.body) }
    case FRONTEND.describe:
      return { kind: 'describe', message: decodeDescribe(frame.body) }
    case FRONTEND.execute:
      return { kind: 'execute', message: decodeExecute(frame.body) }
    case FRONTEND.close:
      return { kind: 'close', message: decodeClose(frame.body) }
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
