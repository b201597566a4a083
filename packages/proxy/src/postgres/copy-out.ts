import type { Cleared, MaskCopy, Session } from '@querywarden/policy-core'
import {
  BACKEND,
  decodeCopyOutResponse,
  decodeRowDescription,
  encodeClose,
  encodeCopyData,
  encodeDescribe,
  encodeParse,
  type FrameScanner,
  HEADER_BYTES,
} from '@querywarden/wire/postgres'
import { ConversationError } from './conversation-error.ts'
import { copySource } from './copy-source.ts'
import { endRaw } from './describe-portal.ts'
import { type Report, unreadableCopy } from './error-response.ts'
import { type ErrorView, type Running, recordedOf } from './expected.ts'
import type { Outbox } from './outbox.ts'
import type { Step } from './plan.ts'
import type { Portal } from './portal.ts'

/**
 * COPY data says nothing of where it comes from. So the server describes the query inside a COPY first, ahead of it in
 * the same batch, where the policy hides something of what it reads. Nothing to send where it doesn't.
 *
 * @param name - A name upstream for what is described, that nothing has; the unnamed statement where that may go.
 */
export function describingCopy(
  session: Session,
  { portal, cleared }: Pick<Running, 'portal' | 'cleared'>,
  name: string,
  view: ErrorView,
): readonly Step[] | Report {
  if (!session.looksBehindCopy(cleared)) return []
  const source = copySource(cleared.statement.text)
  if (source === null) return unreadableCopy()
  const { query, isExact } = source
  const steps: Step[] = [
    {
      message: encodeParse({ name, query, parameterTypes: [] }),
      expected: { kind: 'parse', show: false, commit: nothing, view },
    },
    {
      message: encodeDescribe({ kind: 'statement', name }),
      expected: { kind: 'describe-copy', portal, cleared, isExact, view },
    },
  ]
  if (name !== '')
    steps.push({
      message: encodeClose({ kind: 'statement', name }),
      expected: { kind: 'close', show: false, commit: nothing, view },
    })
  return steps
}

/**
 * Takes the description of what a COPY gives.
 * @throws {ConversationError} a column would arrive raw; the session ends before any data is sent.
 */
export function describeCopy(
  session: Session,
  { portal, cleared, isExact }: { readonly portal: Portal; readonly cleared: Cleared; readonly isExact: boolean },
  tag: number,
  { body }: FrameScanner,
): void {
  const columns = tag === BACKEND.noData ? [] : decodeRowDescription(body).fields
  const raw = session.revealCopy(cleared, columns)
  if (raw !== null) endRaw(session, cleared, raw)
  portal.run.copied = { columns, isExact }
}

/** The data of one COPY … TO STDOUT on its way to the client. */
export class CopyOut {
  readonly #outbox: Outbox
  readonly #mask: MaskCopy | null
  readonly #recorded: Running | null

  /**
   * @param body - Of the CopyOutResponse
   * @throws {ConversationError} the data isn't what was described, or nobody described it
   */
  constructor(session: Session, running: Running, body: Uint8Array, outbox: Outbox) {
    const { cleared, portal } = running
    const { copied } = portal.run
    const columns = decodeCopyOutResponse(body).columnFormats.length
    const isDescribed =
      copied === null
        ? !session.looksBehindCopy(cleared)
        : copied.isExact
          ? columns === copied.columns.length
          : columns <= copied.columns.length
    if (!isDescribed) throw new ConversationError('internal-error', 'COPY gives other columns than were described')
    this.#outbox = outbox
    this.#recorded = recordedOf(running)
    // Where the server computes some of a table's columns, which it leaves out, what was described isn't what comes.
    this.#mask = session.copyMask(cleared, copied?.columns.length === columns ? copied.columns : null)
  }

  /** Passes on a CopyData, or a part of a large one. */
  pass({ part, bytes, start, end }: FrameScanner): void {
    if (this.#mask === null) {
      this.#outbox.rows(null, bytes, start, end, this.#recorded, 1)
      return
    }
    const from = part === 'whole' || part === 'first' ? start + HEADER_BYTES : start
    this.#put(this.#mask.push(bytes.subarray(from, end)))
  }

  /** The server has sent all. */
  finish(): void {
    if (this.#mask !== null) this.#put(this.#mask.finish())
  }

  /** Whether parts of a large message go out as parts: nobody changes them. */
  get keepsFrames(): boolean {
    return this.#mask === null
  }

  #put(data: Uint8Array): void {
    if (data.length > 0) this.#outbox.put(encodeCopyData({ data }), this.#recorded, 1)
  }
}

const nothing = (): void => undefined
