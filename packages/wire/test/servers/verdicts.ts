import { once } from 'node:events'
import {
  BACKEND,
  decodeErrorResponse,
  decodeFrontend,
  decodeStartup,
  encodeCopyFail,
  encodeParse,
  encodeQuery,
  FRONTEND_LIMITS,
  type Frame,
  FrameBuffer,
  FrameError,
  StartupBuffer,
  SYNC,
} from '../../src/postgres/index.ts'
import { openRaw, openSocket, type RawSession } from './raw-session.ts'

/**
 * What was said of some bytes. `waits`: they are the beginning of something longer. `ends`: they are a good-bye. `means
 * nothing`: they are well formed, and something else is wrong, as a name that isn't there.
 */
export type Verdict = 'accepted' | 'refused' | 'waits' | 'ends' | 'means nothing'

const PROTOCOL_VIOLATION = '08P01'
const PATIENCE_MS = 500

/** Protocol violations of messages that are well formed, but don't fit the statement or function that they are for. */
const NO_MATTER_OF_FORM = [
  /^bind message supplies \d+ parameters, but prepared statement ".*" requires \d+$/,
  /^bind message has \d+ result formats but query has \d+ columns$/,
  /^function call message contains \d+ arguments but function requires \d+$/,
]

/** What the codec makes of what a client that has logged in sends. */
export function ourVerdict(bytes: Uint8Array): Verdict {
  const buffer = new FrameBuffer({ frameBytesMax: 1 << 24, tags: FRONTEND_LIMITS })
  buffer.push(bytes)
  try {
    for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) {
      if (decodeFrontend(frame, null).kind === 'terminate') return 'ends'
    }
  } catch (error) {
    if (error instanceof FrameError) return 'refused'
    throw error
  }
  return buffer.buffered > 0 ? 'waits' : 'accepted'
}

/** Asks a real server, on one connection for as long as it lasts. */
export class ServerJudge {
  readonly #port: number
  readonly #isInCopy: boolean
  #session: RawSession | null = null
  #asked = 0

  /** @param isInCopy whether messages come within a COPY FROM STDIN */
  constructor(port: number, isInCopy: boolean) {
    this.#port = port
    this.#isInCopy = isInCopy
  }

  /** The server's verdict on a message. What it waits for never comes. */
  async verdict(bytes: Uint8Array): Promise<Verdict> {
    const session = await this.#ready()
    this.#asked += 1
    const fence = `fence ${this.#asked}`
    // Behind the message: the end of the COPY, of what is skipped after an error, and a row that tells where its answer ends.
    const behind = [
      ...(this.#isInCopy ? [encodeCopyFail({ reason: 'over' })] : []),
      SYNC,
      encodeQuery({ query: `select '${fence}'` }),
    ]
    const whole = Buffer.concat([bytes, ...behind])
    const ours = ourVerdict(whole)
    session.send(whole)
    if (ours === 'waits') {
      await this.close()
      return 'waits'
    }
    // Behind what was refused may be the beginning of something long, for which the server waits: it is told that nothing comes.
    let hasWaited = false
    const stop = setTimeout(() => {
      hasWaited = true
      session.socket.end()
    }, PATIENCE_MS)
    const frames = await answers(session, fence)
    clearTimeout(stop)
    if (session.isClosed()) this.#session = null
    else await session.until(BACKEND.readyForQuery)
    return verdictOf(frames, this.#session === null && ours !== 'ends' && !hasWaited)
  }

  async close(): Promise<void> {
    await this.#session?.close()
    this.#session = null
  }

  async #ready(): Promise<RawSession> {
    if (this.#session === null) {
      this.#session = await openRaw(this.#port, {
        user: 'trusted',
        database: 'postgres',
        options: '-c statement_timeout=5s',
      })
      this.#session.send(
        encodeParse({ name: 'two', query: 'select $1::text, $2::bytea', parameterTypes: [] }),
        SYNC,
        encodeQuery({ query: 'create temp table t (a text)' }),
      )
      await this.#session.until(BACKEND.readyForQuery)
      await this.#session.until(BACKEND.readyForQuery)
    }
    if (this.#isInCopy) {
      this.#session.send(encodeQuery({ query: 'copy t from stdin' }))
      await this.#session.until(BACKEND.copyInResponse)
    }
    return this.#session
  }
}

/** All that comes before the row of the fence. */
async function answers(session: RawSession, fence: string): Promise<readonly Frame[]> {
  const frames: Frame[] = []
  for (;;) {
    const more = await session.until(BACKEND.dataRow)
    frames.push(...more)
    if (session.isClosed() || Buffer.from(more.at(-1)?.body ?? []).includes(fence)) return frames
  }
}

function verdictOf(frames: readonly Frame[], isCutOff: boolean): Verdict {
  const violations = errorsOf(frames).filter(fields => fields.get('C') === PROTOCOL_VIOLATION)
  const isFormal = (fields: ReadonlyMap<string, string>): boolean =>
    !NO_MATTER_OF_FORM.some(pattern => pattern.test(fields.get('M') ?? ''))
  if (isCutOff || violations.some(isFormal)) return 'refused'
  return violations.length > 0 ? 'means nothing' : 'accepted'
}

const errorsOf = (frames: readonly Frame[]): ReadonlyMap<string, string>[] =>
  frames.filter(({ tag }) => tag === BACKEND.errorResponse).map(({ body }) => decodeErrorResponse(body).fields)

/** What the codec makes of a first packet. */
export function ourStartupVerdict(bytes: Uint8Array): Verdict {
  const buffer = new StartupBuffer()
  buffer.push(bytes)
  try {
    const packet = buffer.next()
    if (packet === undefined) return 'waits'
    return decodeStartup(packet).kind === 'cancel-request' ? 'ends' : 'accepted'
  } catch (error) {
    if (error instanceof FrameError) return 'refused'
    throw error
  }
}

/** The server's verdict on a first packet after which nothing more comes. */
export async function serverStartupVerdict(port: number, bytes: Uint8Array): Promise<Verdict> {
  const session = await openSocket(port)
  const chunks: Buffer[] = []
  session.socket.removeAllListeners('data').on('data', chunk => chunks.push(chunk))
  session.socket.end(bytes)
  await once(session.socket, 'close')
  const answer = Buffer.concat(chunks)
  // A server hangs up without a word on what it can't read, and on a cancellation, which is why ours is asked first.
  if (answer.length === 0) return 'refused'
  if (answer[0] !== BACKEND.errorResponse) return 'accepted'
  const isViolation = answer.includes(`C${PROTOCOL_VIOLATION}\0`)
  return isViolation ? 'refused' : 'means nothing'
}
