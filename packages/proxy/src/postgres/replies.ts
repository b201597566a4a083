import type { Completion, Session } from '@querywarden/policy-core'
import {
  type Awaiting,
  BACKEND,
  BACKEND_TAGS,
  decodeCommandComplete,
  decodeDataRow,
  decodeErrorResponse,
  decodeNoticeResponse,
  decodeParameterStatus,
  decodeReadyForQuery,
  encodeDataRow,
  encodeErrorResponse,
  encodeNoticeResponse,
  FrameScanner,
  HEADER_BYTES,
  type ReplyAction,
  replyAction,
} from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { Completions, failure } from './completions.ts'
import { asConversationError, ConversationError, desync } from './conversation-error.ts'
import { describePortal } from './describe-portal.ts'
import { awaitingFor, type BatchEnd, type Expected, hidesValues, type Running, viewOf } from './expected.ts'
import { ExpectedQueue } from './expected-queue.ts'
import type { Portal } from './names.ts'
import { Outbox } from './outbox.ts'
import { isReported } from './reported.ts'
import { isWholeRow } from './row-shape.ts'
import { holdWhileSlow } from './slow-client.ts'
import { countRow, limitError, STOPS, type Stop } from './statement-limits.ts'
import { shownFields } from './withhold.ts'

/** What {@link Replies} needs of the conversation it serves. */
export interface RepliesParts {
  readonly session: Session
  readonly client: Link
  readonly upstream: Link
  readonly frameBytesMax: number
  readonly monotonic: () => number
  /** Asks the server to stop the statement in flight. */
  readonly cancelUpstream: () => void
  /** Called once, when the way back breaks, also while no batch waits. */
  readonly onFault: (fault: ConversationError) => void
}

/** A statement done but for the commit at its Sync, with the frame that says so. */
interface Uncommitted {
  readonly running: Running
  readonly completion: Completion
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/**
 * The way back: upstream bytes to the client. Every answer is matched with the message that asked for it; one that
 * nobody asked for ends the session. Runs of frames that nothing changes go out as the bytes that came in.
 */
export class Replies {
  readonly #parts: RepliesParts
  readonly #scanner: FrameScanner
  readonly #queue = new ExpectedQueue()
  readonly #outbox = new Outbox()
  readonly #completions: Completions
  /** What is due from the server, where that is more than the message at the head of the queue says. */
  #stage: Awaiting | null = null
  #settle: { readonly resolve: (end: BatchEnd) => void; readonly reject: (error: unknown) => void } | null = null
  #fault: ConversationError | null = null
  #timer: NodeJS.Timeout | null = null
  /** How a batch ended while nobody waited for it. */
  #missed: BatchEnd | null = null
  /** This transaction has touched masked columns: what its end reports may be about them. */
  #hasMasked = false
  #uncommitted: Uncommitted | null = null
  /** ReadyForQuery is in the outbox and waits for the recorder. */
  #isHeld = false

  constructor(parts: RepliesParts) {
    this.#parts = parts
    this.#completions = new Completions(parts.session, parts.monotonic)
    this.#scanner = new FrameScanner({ frameBytesMax: parts.frameBytesMax, tags: BACKEND_TAGS })
    parts.upstream.gone.addEventListener('abort', () =>
      this.#fail(new ConversationError('upstream-lost', 'the database closed the connection')),
    )
    parts.upstream.handOver(chunk => this.#feed(chunk))
  }

  /** The statement that the server is working on, if any. */
  get running(): Running | null {
    return this.#queue.running
  }

  /** Whether somebody waits for an answer. */
  get isDue(): boolean {
    return this.#settle !== null
  }

  /** Says what the server owes from here on, and waits for it. Call before writing the batch. */
  expect(expected: readonly Expected[]): Promise<BatchEnd> {
    const missed = this.#missed
    this.#missed = null
    // A COPY can fail in the same breath in which the server asks for its data: nobody waited for that yet.
    if (missed !== null && expected.length === 0) return Promise.resolve(missed)
    this.#queue.add(expected)
    return new Promise((resolve, reject) => {
      if (this.#fault !== null) reject(this.#fault)
      else this.#settle = { resolve, reject }
      this.#startNext()
    })
  }

  /** Statements that were sent or queued and never answered. Their outcome is not known. */
  abandon(why: string): void {
    this.#stopTimer()
    const open = this.#queue.skip().flatMap(item => (item.kind === 'execute' ? [item.running] : []))
    if (this.#uncommitted !== null) open.push(this.#uncommitted.running)
    this.#uncommitted = null
    for (const running of open) this.#completions.finish(running, { kind: 'unknown', why })
  }

  /** Resolves when every completion so far is with the recorder. */
  async recorded(): Promise<void> {
    await this.#completions.recorded()
  }

  /** Notes what of a batch was never sent, because an earlier part of it failed. */
  notRun(skipped: readonly Expected[]): void {
    this.#completions.notRun(skipped)
  }

  /** Notes a portal that went before anybody executed it. */
  unused(portal: Portal): void {
    this.#completions.unused(portal, 'its portal was closed before it was executed')
  }

  #feed(chunk: Uint8Array): void {
    if (this.#fault !== null) return
    const { client, upstream } = this.#parts
    try {
      this.#scanner.push(chunk)
      while (this.#scanner.next()) this.#onFrame(this.#scanner.tag)
    } catch (error) {
      if (!this.#isHeld) this.#outbox.flush(client)
      this.#fail(asConversationError(error, 'the database', 'upstream-lost'))
      return
    }
    if (this.#isHeld) return
    this.#outbox.flush(client)
    if (client.socket.writableNeedDrain) holdWhileSlow(upstream, client)
  }

  #onFrame(tag: number): void {
    const { head } = this.#queue
    const action = replyAction(this.#stage ?? awaitingFor(head), tag)
    if (action === 'row' && head?.kind === 'execute') this.#onRow(head.running)
    else this.#onAction(action, head, tag)
  }

  #onAction(action: ReplyAction, head: Expected | undefined, tag: number): void {
    switch (action) {
      case 'notice':
        this.#onNotice(head)
        return
      case 'setting':
        this.#onParameterStatus()
        return
      case 'notification':
        // LISTEN is refused, so no notification can be meant for this client; its payload could hold anything.
        return
      case 'error':
        this.#onError(head)
        return
      case 'ready':
        this.#onReady(head)
        return
      case 'parameters':
        this.#stage = 'describe-statement-columns'
        this.#show()
        return
      case 'copy-out':
      case 'copy-row':
      case 'copy-end':
      case 'copy-in':
      case 'completed':
      case 'suspended':
        if (head?.kind === 'execute') this.#onExecution(action, head.running, tag)
        else desync(tag)
        return
      case 'confirmed':
      case 'described':
      case 'empty':
        this.#onAnswer(head, tag)
        return
      case 'row':
      case 'unexpected':
        desync(tag)
        return
    }
  }

  #onAnswer(head: Expected | undefined, tag: number): void {
    switch (head?.kind) {
      case 'parse':
      case 'bind':
        head.commit()
        if (head.show) this.#show()
        this.#answered()
        return
      case 'close':
        head.commit()
        this.#show()
        this.#answered()
        return
      case 'describe-portal':
        describePortal(this.#parts.session, head.portal, tag, this.#scanner)
        if (head.show === 'all' || (head.show === 'rows' && tag === BACKEND.rowDescription)) this.#show()
        this.#answered()
        return
      case 'describe-statement':
      case 'execute-empty':
        this.#show()
        this.#answered()
        return
      default:
        desync(tag)
        return
    }
  }

  #onExecution(
    action: Extract<ReplyAction, 'copy-out' | 'copy-row' | 'copy-end' | 'copy-in' | 'completed' | 'suspended'>,
    running: Running,
    tag: number,
  ): void {
    const { copy } = running.cleared.facts
    switch (action) {
      case 'copy-out':
        if (copy !== 'out') {
          desync(tag)
          return
        }
        this.#stage = 'copy-out'
        this.#show()
        return
      case 'copy-row':
        if (this.#count(running)) this.#show()
        return
      case 'copy-end':
        this.#stage = 'copy-out-done'
        this.#show()
        return
      case 'copy-in':
        if (copy !== 'in') {
          desync(tag)
          return
        }
        this.#stage = 'copy-in'
        this.#show()
        this.#resolve({ kind: 'copy-in', running })
        return
      case 'completed':
        this.#onExecuted(running)
        return
      case 'suspended':
        this.#onSuspended(running)
        return
    }
  }

  #onSuspended(running: Running): void {
    if (running.stopped !== null) {
      this.#onStopped(running, running.stopped)
      return
    }
    this.#completions.finish(running, { kind: 'done', tag: 'PORTAL SUSPENDED', ...this.#completions.measure(running) })
    this.#show()
    this.#answered()
  }

  /** However the server ended it, the client doesn't get the whole result, and is told so. */
  #onStopped(running: Running, why: Stop): void {
    this.#completions.finish(running, { kind: 'cancelled', why: STOPS[why], ...this.#completions.measure(running) })
    this.#outbox.put(limitError(why))
    this.#failed()
  }

  #onExecuted(running: Running): void {
    // The server may have finished before the cancel reached it.
    if (running.stopped !== null) {
      this.#onStopped(running, running.stopped)
      return
    }
    const { tag } = decodeCommandComplete(this.#scanner.body)
    const completion: Completion = { kind: 'done', tag, ...this.#completions.measure(running) }
    this.#advance()
    if (this.#queue.head?.kind === 'sync') {
      // Deferred constraints are checked when the Sync commits: until then nothing is done (manual, SET CONSTRAINTS).
      const { bytes, start, end } = this.#scanner
      this.#uncommitted = { running, completion, bytes, start, end }
      return
    }
    this.#completions.finish(running, completion)
    this.#show()
    this.#settled()
  }

  /** Hands on the CommandComplete that waited, now that the commit behind it is known to have worked. */
  #commit(): void {
    if (this.#uncommitted === null) return
    const { running, completion, bytes, start, end } = this.#uncommitted
    this.#uncommitted = null
    this.#completions.finish(running, completion)
    this.#outbox.keep(bytes, start, end)
  }

  #onRow(running: Running): void {
    const { bytes, start, end } = this.#scanner
    const { mask, columns } = running.portal
    if (!isWholeRow(bytes, start + HEADER_BYTES, end, columns?.length ?? 0)) {
      desync(this.#scanner.tag)
      return
    }
    if (!this.#count(running)) return
    if (mask === null) {
      this.#outbox.keep(bytes, start, end)
      return
    }
    const cells = [...decodeDataRow(this.#scanner.body).values]
    mask(cells)
    this.#outbox.put(
      encodeDataRow({ values: cells.map(cell => (typeof cell === 'string' ? Buffer.from(cell) : cell)) }),
    )
  }

  /** Counts the row at hand; false when it may not go out. */
  #count(running: Running): boolean {
    if (running.stopped !== null) return false
    const limit = countRow(running, this.#scanner.end - this.#scanner.start)
    if (limit !== null) this.#stop(running, limit)
    return limit === null
  }

  #stop(running: Running, why: Stop): void {
    running.stopped = why
    this.#parts.cancelUpstream()
  }

  #onReady(head: Expected | undefined): void {
    const { status } = decodeReadyForQuery(this.#scanner.body)
    if (head?.kind === 'poison') this.#queue.advance()
    if (status === 'idle') this.#hasMasked = false
    this.#commit()
    this.#advance()
    this.#show()
    const recorded = this.#completions.recorded()
    if (recorded === null) {
      this.#resolve({ kind: 'ready', status })
      return
    }
    // In the strict tier the outcome is durable before the client hears that it may go on.
    this.#isHeld = true
    recorded.then(
      () => {
        this.#isHeld = false
        this.#outbox.flush(this.#parts.client)
        this.#resolve({ kind: 'ready', status })
      },
      () => this.#fail(new ConversationError('recorder-failed', 'the recording of this session can not be written')),
    )
  }

  #onError(head: Expected | undefined): void {
    const { fields } = decodeErrorResponse(this.#scanner.body)
    if (head?.kind === 'poison') {
      this.#failed()
      return
    }
    const shown = encodeErrorResponse({ fields: shownFields(fields, viewOf(head, this.#hasMasked)) })
    const sqlstate = fields.get('C') ?? 'XX000'
    if (head === undefined || (head.kind === 'sync' && fields.get('V') !== 'ERROR')) {
      // Outside any statement the server only speaks up to say goodbye.
      this.#outbox.put(shown)
      throw new ConversationError('upstream-lost', 'the database ended the session')
    }
    if (head.kind === 'sync') {
      this.#onCommitError(sqlstate, shown)
      return
    }
    if (head.kind !== 'execute') {
      const stopped = this.running?.stopped ?? null
      this.#outbox.put(stopped === null ? shown : limitError(stopped))
      if (head.kind === 'bind') this.#completions.unused(head.portal, `the database reported SQLSTATE ${sqlstate}`)
      this.#failed(`the database reported SQLSTATE ${sqlstate} before it came to it`)
      return
    }
    const { running } = head
    if (running.stopped !== null) {
      this.#onStopped(running, running.stopped)
      return
    }
    this.#completions.finish(running, failure(sqlstate, this.#completions.measure(running)))
    this.#outbox.put(shown)
    this.#failed()
  }

  /** The commit at a Sync failed: the statement before it didn't succeed after all. ReadyForQuery is still to come. */
  #onCommitError(sqlstate: string, shown: Uint8Array): void {
    const last = this.#uncommitted
    this.#uncommitted = null
    if (last !== null)
      this.#completions.finish(last.running, { kind: 'failed', sqlstate, ...this.#completions.measure(last.running) })
    const what = `the transaction was rolled back at its commit: SQLSTATE ${sqlstate}`
    this.#completions.incident(null, 'COMMIT_FAILED', what)
    this.#outbox.put(shown)
  }

  #onNotice(head: Expected | undefined): void {
    const view = viewOf(head, this.#hasMasked)
    if (!view.withheld) {
      this.#show()
      return
    }
    this.#outbox.put(
      encodeNoticeResponse({ fields: shownFields(decodeNoticeResponse(this.#scanner.body).fields, view) }),
    )
  }

  #onParameterStatus(): void {
    const isShown = isReported(decodeParameterStatus(this.#scanner.body))
    // The server reports settings behind the commit, just before it is ready.
    if (this.#queue.head?.kind === 'sync') this.#commit()
    if (isShown) this.#show()
  }

  /** The frame at hand goes out as it came in. */
  #show(): void {
    const { bytes, start, end } = this.#scanner
    this.#outbox.keep(bytes, start, end)
  }

  /** The message at the head is answered; the next one is the server's work now. */
  #answered(): void {
    this.#advance()
    this.#settled()
  }

  #settled(): void {
    if (this.#queue.isEmpty) this.#resolve({ kind: 'flushed', hasFailed: false })
  }

  /** The message at the head failed: the server skips all up to the next Sync, and so do we. */
  #failed(why?: string): void {
    this.#advance()
    this.#completions.notRun(this.#queue.skip(), why)
    this.#stopTimer()
    if (this.#queue.isEmpty) this.#resolve({ kind: 'flushed', hasFailed: true })
  }

  #advance(): void {
    if (this.#queue.head?.kind === 'execute') this.#stopTimer()
    this.#stage = null
    this.#queue.advance()
    this.#startNext()
  }

  #startNext(): void {
    const { running } = this.#queue
    if (running === null || running.startedMs !== null) return
    running.startedMs = this.#parts.monotonic()
    if (hidesValues(running.cleared.obligations)) this.#hasMasked = true
    const { timeMsMax } = running.cleared.obligations.limits
    if (timeMsMax !== null) this.#timer = setTimeout(() => this.#stop(running, 'time'), timeMsMax)
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #resolve(end: BatchEnd): void {
    const settle = this.#settle
    this.#settle = null
    if (settle === null) this.#missed = end
    else settle.resolve(end)
  }

  #fail(fault: ConversationError): void {
    if (this.#fault !== null) return
    this.#fault = fault
    this.#stopTimer()
    const settle = this.#settle
    this.#settle = null
    settle?.reject(fault)
    this.#parts.onFault(fault)
  }
}
