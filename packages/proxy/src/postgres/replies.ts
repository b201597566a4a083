import type { Completion, Session } from '@querywarden/policy-core'
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
  HEADER_BYTES,
} from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { Completions, failure } from './completions.ts'
import { asConversationError, ConversationError, desync } from './conversation-error.ts'
import { type BatchEnd, type Expected, hidesValues, type Running, viewOf } from './expected.ts'
import { ExpectedQueue } from './expected-queue.ts'
import type { Portal } from './names.ts'
import { type Fate, holdWhileSlow, relay } from './relay.ts'
import { isReported } from './reported.ts'
import { revealPortal } from './reveal-portal.ts'
import { isWholeRow } from './row-shape.ts'
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
}

/**
 * The way back: upstream bytes to the client. Every answer is matched with the message that asked for it; one that
 * nobody asked for ends the session. Runs of frames that nothing changes go out as the bytes that came in.
 */
export class Replies {
  readonly #parts: RepliesParts
  readonly #scanner: FrameScanner
  readonly #queue = new ExpectedQueue()
  readonly #completions: Completions
  #settle: { readonly resolve: (end: BatchEnd) => void; readonly reject: (error: unknown) => void } | null = null
  #fault: ConversationError | null = null
  #timer: NodeJS.Timeout | null = null
  /** How a batch ended while nobody waited for it. */
  #missed: BatchEnd | null = null
  /** This transaction has touched masked columns: what its end reports may be about them. */
  #hasMasked = false
  /** A statement done but for the commit at its Sync, and the CommandComplete that waits for it. */
  #uncommitted: { readonly running: Running; readonly completion: Completion; readonly frame: Uint8Array } | null = null

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
    const open = [...this.#queue.skip(), ...(this.#uncommitted === null ? [] : [this.#uncommitted.running])]
    this.#uncommitted = null
    for (const running of open) this.#completions.finish(running, { kind: 'unknown', why })
  }

  /** Resolves when every completion so far is with the recorder. */
  recorded(): Promise<void> {
    return this.#completions.recorded()
  }

  /** Notes statements of a batch that were never sent, because an earlier one failed. */
  notRun(skipped: readonly Running[]): void {
    this.#completions.notRun(skipped)
  }

  #feed(chunk: Uint8Array): void {
    if (this.#fault !== null) return
    const { client, upstream } = this.#parts
    client.socket.cork()
    try {
      relay(chunk, this.#scanner, client, () => this.#fate())
    } catch (error) {
      this.#fail(asConversationError(error, 'the database', 'upstream-lost'))
    } finally {
      client.socket.uncork()
    }
    if (client.socket.writableNeedDrain) holdWhileSlow(upstream, client)
  }

  #fate(): Fate {
    const { tag, start, end } = this.#scanner
    const frameBytes = end - start
    const { head } = this.#queue
    if (tag === BACKEND.dataRow && head?.kind === 'execute') {
      const columns = head.running.portal.columns?.length ?? 0
      if (!isWholeRow(this.#scanner.bytes, start + HEADER_BYTES, end, columns)) return desync(tag)
      return this.#onRow(head.running, frameBytes)
    }
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
        if (tag !== BACKEND.readyForQuery) return desync(tag)
        this.#queue.advance()
        return this.#onReady()
    }
  }

  #committed(head: Extract<Expected, { kind: 'parse' | 'bind' }>): Fate {
    head.commit()
    return this.#answered(head.show ? 'show' : 'drop')
  }

  #onPortalDescription(portal: Portal, show: 'all' | 'rows' | 'nothing', tag: number): Fate {
    if (tag === BACKEND.noData) {
      portal.columns = []
      return this.#answered(show === 'all' ? 'show' : 'drop')
    }
    if (tag !== BACKEND.rowDescription) return desync(tag)
    portal.columns = decodeRowDescription(this.#scanner.body).fields
    revealPortal(this.#parts.session, portal)
    return this.#answered(show === 'nothing' ? 'drop' : 'show')
  }

  #onExecution(running: Running, tag: number, frameBytes: number): Fate {
    const { copy } = running.cleared.facts
    switch (tag) {
      case BACKEND.copyOutResponse:
      case BACKEND.copyDone:
        return copy === 'out' ? 'show' : desync(tag)
      case BACKEND.copyData:
        return copy === 'out' ? this.#onRow(running, frameBytes) : desync(tag)
      case BACKEND.copyInResponse:
        if (copy !== 'in') return desync(tag)
        this.#resolve({ kind: 'copy-in' })
        return 'show'
      case BACKEND.commandComplete: {
        const { tag: commandTag } = decodeCommandComplete(this.#scanner.body)
        return this.#onExecuted(running, commandTag)
      }
      case BACKEND.portalSuspended:
        return this.#onSuspended(running)
      default:
        return desync(tag)
    }
  }

  #onSuspended(running: Running): Fate {
    if (running.stopped !== null) return this.#onStopped(running, running.stopped)
    this.#completions.finish(running, { kind: 'done', tag: 'PORTAL SUSPENDED', ...this.#completions.measure(running) })
    return this.#answered('show')
  }

  /** However the server ended it, the client doesn't get the whole result, and is told so. */
  #onStopped(running: Running, why: Stop): Fate {
    this.#completions.finish(running, { kind: 'cancelled', why: STOPS[why], ...this.#completions.measure(running) })
    return this.#failed(limitError(why))
  }

  #onExecuted(running: Running, tag: string): Fate {
    // The server may have finished before the cancel reached it.
    if (running.stopped !== null) return this.#onStopped(running, running.stopped)
    const measured = this.#completions.measure(running)
    const completion: Completion = { kind: 'done', tag, ...measured }
    this.#advance()
    if (this.#queue.head?.kind === 'sync') {
      // Deferred constraints are checked when the Sync commits: until then nothing is done (manual, SET CONSTRAINTS).
      this.#uncommitted = { running, completion, frame: this.#frame() }
      return 'drop'
    }
    this.#completions.finish(running, completion)
    return this.#settled('show')
  }

  /** Hands on the CommandComplete that waited, now that the commit behind it is known to have worked. */
  #commit(): void {
    if (this.#uncommitted === null) return
    const { running, completion, frame } = this.#uncommitted
    this.#uncommitted = null
    this.#completions.finish(running, completion)
    this.#parts.client.write(frame)
  }

  #onRow(running: Running, frameBytes: number): Fate {
    if (running.stopped !== null) return 'drop'
    const limit = countRow(running, frameBytes)
    if (limit !== null) {
      this.#stop(running, limit)
      return 'drop'
    }
    const { mask } = running.portal
    if (mask === null) return 'show'
    const cells = [...decodeDataRow(this.#scanner.body).values]
    mask(cells)
    return encodeDataRow({ values: cells.map(cell => (typeof cell === 'string' ? Buffer.from(cell) : cell)) })
  }

  #stop(running: Running, why: Stop): void {
    running.stopped = why
    this.#parts.cancelUpstream()
  }

  #onReady(): Fate {
    const { status } = decodeReadyForQuery(this.#scanner.body)
    const frame = this.#frame()
    if (status === 'idle') this.#hasMasked = false
    this.#commit()
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
    if (head?.kind === 'poison') return this.#failed('drop')
    const shown = encodeErrorResponse({ fields: shownFields(fields, viewOf(head, this.#hasMasked)) })
    const sqlstate = fields.get('C') ?? 'XX000'
    if (head === undefined || (head.kind === 'sync' && fields.get('V') !== 'ERROR')) {
      // Outside any statement the server only speaks up to say goodbye.
      this.#parts.client.write(shown)
      throw new ConversationError('upstream-lost', 'the database ended the session')
    }
    if (head.kind === 'sync') return this.#onCommitError(sqlstate, shown)
    if (head.kind !== 'execute') {
      const why = `the database reported SQLSTATE ${sqlstate} before it came to it`
      return this.#failed(this.running?.stopped ? limitError(this.running.stopped) : shown, why)
    }

    const { running } = head
    if (running.stopped !== null) return this.#onStopped(running, running.stopped)
    this.#completions.finish(running, failure(sqlstate, this.#completions.measure(running)))
    return this.#failed(shown)
  }

  /** The commit at a Sync failed: the statement before it didn't succeed after all. ReadyForQuery is still to come. */
  #onCommitError(sqlstate: string, shown: Uint8Array): Fate {
    const last = this.#uncommitted
    this.#uncommitted = null
    if (last !== null)
      this.#completions.finish(last.running, { kind: 'failed', sqlstate, ...this.#completions.measure(last.running) })
    const what = `the transaction was rolled back at its commit: SQLSTATE ${sqlstate}`
    this.#completions.incident(null, 'COMMIT_FAILED', what)
    return shown
  }

  #onNotice(head: Expected | undefined): Fate {
    const view = viewOf(head, this.#hasMasked)
    if (!view.withheld) return 'show'
    return encodeNoticeResponse({ fields: shownFields(decodeNoticeResponse(this.#scanner.body).fields, view) })
  }

  #onParameterStatus(): Fate {
    const isShown = isReported(decodeParameterStatus(this.#scanner.body))
    // The server reports settings behind the commit, just before it is ready.
    if (this.#queue.head?.kind === 'sync') this.#commit()
    return isShown ? 'show' : 'drop'
  }

  /** The message at the head is answered; the next one is the server's work now. */
  #answered(fate: Fate): Fate {
    this.#advance()
    return this.#settled(fate)
  }

  #settled(fate: Fate): Fate {
    if (this.#queue.isEmpty) this.#resolve({ kind: 'flushed', hasFailed: false })
    return fate
  }

  /** The message at the head failed: the server skips all up to the next Sync, and so do we. */
  #failed(fate: Fate, why?: string): Fate {
    this.#advance()
    this.#completions.notRun(this.#queue.skip(), why)
    this.#stopTimer()
    if (this.#queue.isEmpty) this.#resolve({ kind: 'flushed', hasFailed: true })
    return fate
  }

  #advance(): void {
    if (this.#queue.head?.kind === 'execute') this.#stopTimer()
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

  /** The current frame, to keep. */
  #frame(): Uint8Array {
    return this.#scanner.bytes.slice(this.#scanner.start, this.#scanner.end)
  }

  #resolve(end: BatchEnd): void {
    const settle = this.#settle
    this.#settle = null
    if (settle === null) this.#missed = end
    else settle.resolve(end)
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
