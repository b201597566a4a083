import type { CloseReason, Completion, ResultColumn, Session } from '@querywarden/policy-core'
import {
  BACKEND,
  BACKEND_TAGS,
  decodeCommandComplete,
  decodeDataRow,
  decodeErrorResponse,
  decodeNoticeResponse,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeRowDescription,
  encodeDataRow,
  encodeErrorResponse,
  encodeNoticeResponse,
  FrameScanner,
  type ReadyForQuery,
} from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { errorResponse } from './error-response.ts'
import { type ErrorView, type Expected, PLAIN_VIEW, type Running } from './expected.ts'
import type { Portal } from './names.ts'
import { PINNED } from './upstream-login.ts'
import { shownFields } from './withhold.ts'

/** How a batch ended: at a Sync, or by its last answer where the client only flushed. */
export type BatchEnd =
  | { readonly kind: 'ready'; readonly status: ReadyForQuery['status'] }
  | { readonly kind: 'flushed'; readonly hasFailed: boolean }
  /** The server takes COPY data now. */
  | { readonly kind: 'copy-in' }

/** The conversation can't go on: both legs are closed (threats F17). */
export class ConversationError extends Error {
  override readonly name = 'ConversationError'
  readonly reason: CloseReason

  constructor(reason: CloseReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** What {@link Replies} needs of the conversation it serves. */
export interface RepliesParts {
  readonly session: Session
  readonly client: Link
  readonly upstream: Link
  readonly frameBytesMax: number
  readonly monotonic: () => number
  /** Asks the server to stop the statement in flight. */
  readonly cancelUpstream: () => void
}

/** What to do with the frame at hand: pass it on as it is, drop it, or send these bytes in its place. */
type Fate = 'show' | 'drop' | Uint8Array

/**
 * The way back: upstream bytes to the client. Every answer is matched with the message that asked for it; one that
 * nobody asked for ends the session. Runs of frames that nothing changes go out as the bytes that came in.
 */
export class Replies {
  readonly #parts: RepliesParts
  readonly #scanner: FrameScanner
  #expected: Expected[] = []
  #head = 0
  #settle: { readonly resolve: (end: BatchEnd) => void; readonly reject: (error: unknown) => void } | null = null
  #recording: Promise<void>[] = []
  #fault: ConversationError | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(parts: RepliesParts) {
    this.#parts = parts
    this.#scanner = new FrameScanner({ frameBytesMax: parts.frameBytesMax, tags: BACKEND_TAGS })
    parts.upstream.gone.addEventListener('abort', () =>
      this.#fail(new ConversationError('upstream-lost', 'the database closed the connection')),
    )
    parts.upstream.handOver(chunk => this.#feed(chunk))
  }

  /** The statement that the server is working on, if any. */
  get running(): Running | null {
    const head = this.#expected[this.#head]
    return head?.kind === 'execute' ? head.running : null
  }

  /** Says what the server owes from here on, and waits for it. Call before writing the batch. */
  expect(expected: readonly Expected[]): Promise<BatchEnd> {
    this.#expected = [...this.#expected.slice(this.#head), ...expected]
    this.#head = 0
    return new Promise((resolve, reject) => {
      if (this.#fault !== null) reject(this.#fault)
      else this.#settle = { resolve, reject }
      this.#startHead()
    })
  }

  /** Statements that were sent or queued and never answered. Their outcome is not known. */
  abandon(why: string): void {
    for (let i = this.#head; i < this.#expected.length; i++) {
      const item = this.#expected[i]
      if (item?.kind === 'execute') this.#finish(item.running, { kind: 'unknown', why })
    }
    this.#expected = []
    this.#head = 0
    this.#stopTimer()
  }

  /** Resolves when every completion so far is with the recorder. */
  async recorded(): Promise<void> {
    const due = this.#recording
    this.#recording = []
    await Promise.all(due)
  }

  #feed(chunk: Uint8Array): void {
    if (this.#fault !== null) return
    const { client } = this.#parts
    client.socket.cork()
    try {
      this.#relay(chunk)
    } catch (error) {
      const isOurs = error instanceof ConversationError
      this.#fail(isOurs ? error : new ConversationError('upstream-lost', 'the database sent a malformed message'))
    } finally {
      client.socket.uncork()
    }
    if (client.socket.writableNeedDrain) this.#holdUpstream()
  }

  #relay(chunk: Uint8Array): void {
    const scanner = this.#scanner
    const { client } = this.#parts
    let source = chunk
    let from = 0
    let to = 0
    scanner.push(chunk)
    while (scanner.next()) {
      if (scanner.bytes !== source || scanner.start !== to) {
        if (to > from) client.write(source.subarray(from, to))
        source = scanner.bytes
        from = scanner.start
        to = from
      }
      const fate = this.#fateOf(scanner.tag, scanner.end - scanner.start)
      if (fate === 'show') {
        to = scanner.end
        continue
      }
      if (to > from) client.write(source.subarray(from, to))
      if (fate !== 'drop') client.write(fate)
      from = scanner.end
      to = from
    }
    if (to > from) client.write(source.subarray(from, to))
  }

  /** A slow client pauses the server, not our memory. */
  #holdUpstream(): void {
    const { client, upstream } = this.#parts
    upstream.socket.pause()
    const stalled = setTimeout(() => client.socket.destroy(), STALL_MS_MAX)
    void client.drained().then(() => {
      clearTimeout(stalled)
      upstream.socket.resume()
    })
  }

  #fateOf(tag: number, frameBytes: number): Fate {
    const head = this.#expected[this.#head]
    if (tag === BACKEND.dataRow && head?.kind === 'execute') return this.#onRow(head.running, frameBytes)
    switch (tag) {
      case BACKEND.noticeResponse:
        return this.#onNotice(head)
      case BACKEND.parameterStatus:
        return this.#onParameterStatus()
      case BACKEND.notificationResponse:
        // LISTEN is refused, so no notification can be meant for this client; its payload could hold anything.
        return 'drop'
      case BACKEND.errorResponse:
        return this.#onError(head)
      default:
        return head === undefined ? desync(tag) : this.#onAnswer(head, tag, frameBytes)
    }
  }

  #onAnswer(head: Expected, tag: number, frameBytes: number): Fate {
    switch (head.kind) {
      case 'parse':
        return tag === BACKEND.parseComplete ? this.#committed(head) : desync(tag)
      case 'bind':
        return tag === BACKEND.bindComplete ? this.#committed(head) : desync(tag)
      case 'close':
        if (tag !== BACKEND.closeComplete) return desync(tag)
        head.commit()
        return this.#answered('show')
      case 'describe-statement':
        if (tag === BACKEND.parameterDescription) return 'show'
        return tag === BACKEND.rowDescription || tag === BACKEND.noData ? this.#answered('show') : desync(tag)
      case 'describe-portal':
        return this.#onPortalDescription(head.portal, head.show, tag)
      case 'execute':
        return this.#onExecution(head.running, tag, frameBytes)
      case 'execute-empty':
        return tag === BACKEND.emptyQueryResponse ? this.#answered('show') : desync(tag)
      case 'sync':
        return tag === BACKEND.readyForQuery ? this.#onReady() : desync(tag)
      case 'poison':
        return desync(tag)
    }
  }

  #committed(head: Extract<Expected, { kind: 'parse' | 'bind' }>): Fate {
    head.commit()
    return this.#answered(head.show ? 'show' : 'drop')
  }

  #onPortalDescription(portal: Portal, show: 'all' | 'rows' | 'nothing', tag: number): Fate {
    if (tag === BACKEND.noData) {
      portal.isDescribed = true
      portal.columns = []
      return this.#answered(show === 'all' ? 'show' : 'drop')
    }
    if (tag !== BACKEND.rowDescription) return desync(tag)
    portal.isDescribed = true
    portal.columns = decodeRowDescription(this.#scanner.body).fields
    this.revealPortal(portal)
    return this.#answered(show === 'nothing' ? 'drop' : 'show')
  }

  /**
   * The second wall: columns are checked and masks prepared before the first row is read.
   * @throws {ConversationError} a column would arrive raw; the session ends before that row is sent.
   */
  revealPortal(portal: Portal): void {
    if (portal.cleared === null || portal.columns === null) return
    const revelation = this.#parts.session.reveal(portal.cleared, portal.columns satisfies readonly ResultColumn[])
    if (revelation.kind === 'clean') {
      portal.mask = revelation.mask
      return
    }
    this.#recording.push(this.#parts.session.incident(portal.cleared, revelation.code, revelation.message))
    throw new ConversationError('internal-error', revelation.message)
  }

  #onExecution(running: Running, tag: number, frameBytes: number): Fate {
    switch (tag) {
      case BACKEND.copyOutResponse:
        return 'show'
      case BACKEND.copyInResponse:
        this.#resolve({ kind: 'copy-in' })
        return 'show'
      case BACKEND.copyData:
        return this.#onRow(running, frameBytes)
      case BACKEND.copyDone:
        return 'show'
      case BACKEND.commandComplete: {
        const { tag: commandTag } = decodeCommandComplete(this.#scanner.body)
        return this.#onExecuted(running, commandTag)
      }
      case BACKEND.portalSuspended:
        this.#finish(running, { kind: 'done', tag: 'PORTAL SUSPENDED', ...this.#measure(running) })
        return this.#answered('show')
      default:
        return desync(tag)
    }
  }

  #onExecuted(running: Running, tag: string): Fate {
    const measured = this.#measure(running)
    if (running.stopped === null) {
      this.#finish(running, { kind: 'done', tag, ...measured })
      return this.#answered('show')
    }
    // The server finished before the cancel reached it. The client still didn't get the whole result, and is told so.
    this.#finish(running, { kind: 'cancelled', why: stopMessage(running.stopped), ...measured })
    return this.#failed(limitError(running.stopped))
  }

  #onRow(running: Running, frameBytes: number): Fate {
    const { portal, cleared } = running
    const { rowsMax, bytesMax } = cleared.obligations.limits
    if (running.stopped !== null) return 'drop'
    if (rowsMax !== null && portal.rows >= rowsMax) return this.#stop(running, 'rows')
    portal.rows += 1
    portal.bytes += frameBytes
    if (bytesMax !== null && portal.bytes > bytesMax) return this.#stop(running, 'bytes')
    if (portal.mask === null) return 'show'
    const cells = [...decodeDataRow(this.#scanner.body).values]
    portal.mask(cells)
    return encodeDataRow({ values: cells.map(cell => (typeof cell === 'string' ? Buffer.from(cell) : cell)) })
  }

  #stop(running: Running, why: NonNullable<Running['stopped']>): Fate {
    running.stopped = why
    this.#parts.cancelUpstream()
    return 'drop'
  }

  #onReady(): Fate {
    const { status } = decodeReadyForQuery(this.#scanner.body)
    const frame = this.#scanner.bytes.slice(this.#scanner.start, this.#scanner.end)
    this.#advance()
    // In the strict tier the outcome is durable before the client hears that it may go on.
    void this.recorded().then(
      () => {
        this.#parts.client.write(frame)
        this.#resolve({ kind: 'ready', status })
      },
      () => this.#fail(new ConversationError('recorder-failed', 'the recording of this session can not be written')),
    )
    return 'drop'
  }

  #onError(head: Expected | undefined): Fate {
    const { fields } = decodeErrorResponse(this.#scanner.body)
    if (head === undefined || head.kind === 'sync') {
      // Outside any statement the server only speaks up to say goodbye.
      this.#parts.client.write(encodeErrorResponse({ fields: shownFields(fields, PLAIN_VIEW) }))
      throw new ConversationError('upstream-lost', 'the database ended the session')
    }
    if (head.kind === 'poison') return this.#failed('drop')
    const sqlstate = fields.get('C') ?? 'XX000'
    if (head.kind !== 'execute') return this.#failed(encodeErrorResponse({ fields: shownFields(fields, head.view) }))

    const { running } = head
    const measured = this.#measure(running)
    if (running.stopped !== null) {
      this.#finish(running, { kind: 'cancelled', why: stopMessage(running.stopped), ...measured })
      return this.#failed(limitError(running.stopped))
    }
    if (sqlstate === QUERY_CANCELED)
      this.#finish(running, { kind: 'cancelled', why: 'cancelled by the client or the database', ...measured })
    else this.#finish(running, { kind: 'failed', sqlstate, ...measured })
    return this.#failed(encodeErrorResponse({ fields: shownFields(fields, head.view) }))
  }

  #onNotice(head: Expected | undefined): Fate {
    const view: ErrorView = head === undefined || !('view' in head) ? PLAIN_VIEW : head.view
    if (!view.withheld) return 'show'
    return encodeNoticeResponse({ fields: shownFields(decodeNoticeResponse(this.#scanner.body).fields, view) })
  }

  #onParameterStatus(): Fate {
    const { name, value } = decodeParameterStatus(this.#scanner.body)
    const pinned = PINNED.get(name)
    if (pinned !== undefined && pinned !== value) {
      throw new ConversationError(
        'internal-error',
        `the database changed ${name}, on which reading a statement depends`,
      )
    }
    return REPORTED.has(name) ? 'show' : 'drop'
  }

  /** The message at the head is answered; the next one is the server's work now. */
  #answered(fate: Fate): Fate {
    this.#advance()
    if (this.#head === this.#expected.length) this.#resolve({ kind: 'flushed', hasFailed: false })
    return fate
  }

  /** The message at the head failed: the server skips all up to the next Sync, and so do we. */
  #failed(fate: Fate): Fate {
    this.#advance()
    for (;;) {
      const next = this.#expected[this.#head]
      if (next === undefined) break
      if (next.kind === 'sync') return fate
      if (next.kind === 'execute')
        this.#finish(next.running, { kind: 'not-run', why: 'an earlier statement of its batch failed' })
      this.#head += 1
    }
    this.#resolve({ kind: 'flushed', hasFailed: true })
    return fate
  }

  #advance(): void {
    this.#stopTimer()
    this.#head += 1
    this.#startHead()
  }

  #startHead(): void {
    const head = this.#expected[this.#head]
    if (head?.kind !== 'execute' || head.running.startedMs !== null) return
    const { running } = head
    running.startedMs = this.#parts.monotonic()
    const { timeMsMax } = running.cleared.obligations.limits
    if (timeMsMax !== null) this.#timer = setTimeout(() => this.#stop(running, 'time'), timeMsMax)
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #measure({ portal, startedMs }: Running): { readonly rows: number; readonly bytes: number; readonly ms: number } {
    const ms = startedMs === null ? 0 : this.#parts.monotonic() - startedMs
    return { rows: portal.rows, bytes: portal.bytes, ms }
  }

  #finish(running: Running, completion: Completion): void {
    const noted = this.#parts.session.finish(running.cleared, completion)
    noted.catch(() => undefined)
    this.#recording.push(noted)
  }

  #resolve(end: BatchEnd): void {
    const settle = this.#settle
    this.#settle = null
    settle?.resolve(end)
  }

  #fail(fault: ConversationError): void {
    this.#fault ??= fault
    this.#stopTimer()
    const settle = this.#settle
    this.#settle = null
    settle?.reject(fault)
    this.onFault?.(fault)
  }

  /** Called when the way back breaks, also while no batch waits. */
  onFault: ((fault: ConversationError) => void) | null = null
}

const STALL_MS_MAX = 60_000
const QUERY_CANCELED = '57014'

/** What a client needs to read its results. Others, as application_name, can be set to any value by SQL (threats P10). */
const REPORTED: ReadonlySet<string> = new Set([
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'server_encoding',
  'server_version',
  'standard_conforming_strings',
  'in_hot_standby',
  'default_transaction_read_only',
])

const desync = (tag: number): never => {
  throw new ConversationError('upstream-lost', `the database sent message ${tag} where none like it was due`)
}

const STOPS = {
  rows: 'the row limit of the policy was reached',
  bytes: 'the byte limit of the policy was reached',
  time: 'the time limit of the policy was reached',
} as const

const stopMessage = (why: NonNullable<Running['stopped']>): string => STOPS[why]

const limitError = (why: NonNullable<Running['stopped']>): Uint8Array =>
  errorResponse({
    sqlstate: why === 'time' ? QUERY_CANCELED : '54000',
    message: `statement stopped: ${STOPS[why]}`,
    detail: JSON.stringify({ querywarden: 1, code: 'LIMIT_EXCEEDED', limit: why }),
    hint: 'ask for less: narrow the WHERE, aggregate, or add a LIMIT; a write may have taken effect',
  })
