import type { Completion } from '@querywarden/policy-core'
import {
  type Awaiting,
  BACKEND,
  BACKEND_TAGS,
  decodeCommandComplete,
  decodeErrorResponse,
  decodeParameterStatus,
  decodeReadyForQuery,
  FrameScanner,
  type ReplyAction,
  replyAction,
} from '@querywarden/wire/postgres'
import { Completions, failure } from './completions.ts'
import { asConversationError, ConversationError, desync, recorderFailed } from './conversation-error.ts'
import { describeCopy } from './copy-out.ts'
import { Delivery } from './delivery.ts'
import { describePortal } from './describe-portal.ts'
import {
  awaitingFor,
  type BatchEnd,
  clearedOf,
  type Expected,
  type Running,
  type Uncommitted,
  viewOf,
} from './expected.ts'
import { ExpectedQueue } from './expected-queue.ts'
import { LimitWatch } from './limit-watch.ts'
import { MISMATCHES } from './mismatches.ts'
import { Outbox } from './outbox.ts'
import type { RepliesParts } from './replies-parts.ts'
import { isReported } from './reported.ts'
import { ResultRows } from './result-rows.ts'
import { limitError, STOPS, type Stop } from './statement-limits.ts'
import { TransactionMarks } from './transaction-marks.ts'
import { Turn } from './turn.ts'
import { refusalIn, type Shown, shownError, shownNotice } from './withhold.ts'

/**
 * The way back: upstream bytes to the client. Every answer is matched with the message that asked for it; one that
 * nobody asked for ends the session. Runs of frames that nothing changes go out as the bytes that came in.
 */
export class Replies {
  /** What became of the statements so far. */
  readonly completions: Completions
  readonly delivery: Delivery
  readonly #parts: RepliesParts
  readonly #scanner: FrameScanner
  readonly #queue = new ExpectedQueue()
  readonly #outbox = new Outbox()
  /** What is due from the server, where that is more than the message at the head of the queue says. */
  #stage: Awaiting | null = null
  readonly #turn = new Turn()
  readonly #transaction = new TransactionMarks()
  readonly #limits: LimitWatch
  readonly #rows: ResultRows
  #last: Running | null = null
  #fault: ConversationError | null = null
  #uncommitted: Uncommitted | null = null

  constructor(parts: RepliesParts) {
    this.#parts = parts
    this.completions = new Completions(parts.session, parts.monotonic)
    this.#limits = new LimitWatch(parts.cancelUpstream)
    this.#rows = new ResultRows(this.#outbox, this.#limits)
    this.delivery = new Delivery({
      ...parts,
      outbox: this.#outbox,
      onEnd: end => this.#turn.end(end),
      onRecorderFailed: () => this.#fail(recorderFailed()),
    })
    const rules = { frameBytesMax: parts.frameBytesMax, tags: BACKEND_TAGS }
    this.#scanner = new FrameScanner(rules, tag => this.#rows.mayPass(this.#queue.head, tag))
    parts.upstream.gone.addEventListener('abort', () =>
      this.#fail(new ConversationError('upstream-lost', 'the database closed the connection')),
    )
    parts.upstream.handOver(chunk => this.#feed(chunk))
  }

  /** The statement that the server is working on, if any. */
  get running(): Running | null {
    return this.#queue.running
  }

  /** The statement that the server came to last, whether it is done or not. */
  get last(): Running | null {
    return this.#last
  }

  /** Whether an error of ours would be taken for a part of a row. */
  get isMidFrame(): boolean {
    return this.#rows.isMidFrame
  }

  /** Whether somebody waits for an answer. */
  get isDue(): boolean {
    return this.#turn.isDue
  }

  /** Says what the server owes from here on, and waits for it. Call before writing the batch. */
  expect(expected: readonly Expected[]): Promise<BatchEnd> {
    const missed = this.#turn.takeMissed()
    // A COPY can fail in the same breath in which the server asks for its data: nobody waited for that yet.
    if (missed !== null && expected.length === 0) return Promise.resolve(missed)
    this.#queue.add(expected)
    if (this.#fault !== null) return Promise.reject(this.#fault)
    this.completions.sent(expected)
    this.#startNext()
    return this.#turn.wait()
  }

  /** Statements that were sent or queued and never answered. Their outcome is not known. */
  abandon(why: string): void {
    this.#limits.end()
    for (const item of this.#queue.skip()) {
      if (item.kind === 'execute') this.completions.finish(item.running, { kind: 'unknown', why })
      else if (item.kind === 'bind') this.completions.unused(item.portal, why)
    }
    if (this.#uncommitted !== null) this.completions.finish(this.#uncommitted.running, { kind: 'unknown', why })
    this.#uncommitted = null
  }

  #feed(chunk: Uint8Array): void {
    if (this.#fault !== null) return
    try {
      this.#scanner.push(chunk)
      while (this.#scanner.next()) this.#onFrame(this.#scanner.tag)
      this.#outbox.settle()
    } catch (error) {
      this.delivery.breakOff()
      this.#fail(asConversationError(error, 'the database', 'upstream-lost'))
      return
    }
    this.delivery.deliver()
  }

  #onFrame(tag: number): void {
    const { head } = this.#queue
    const action = replyAction(this.#stage ?? awaitingFor(head), tag)
    if (head?.kind !== 'execute' || (action !== 'row' && action !== 'copy-row')) this.#onAction(action, head, tag)
    else if (action === 'copy-row') this.#rows.copyRow(head.running, this.#scanner)
    else if (this.#scanner.part === 'whole') this.#rows.row(head.running, this.#scanner)
    else this.#rows.part(head.running, this.#scanner)
  }

  #onAction(action: ReplyAction, head: Expected | undefined, tag: number) {
    // Rows come ahead of what is recorded of the message behind them.
    if (this.#outbox.hasRows) this.delivery.record()
    switch (action) {
      case 'notice':
        return this.#onNotice(head)
      case 'setting':
        return this.#onParameterStatus()
      case 'notification':
        // LISTEN is refused, so no notification can be meant for this client; its payload could hold anything.
        return
      case 'error':
        return this.#onError(head)
      case 'ready':
        return this.#onReady(head)
      case 'parameters':
        this.#stage = 'describe-statement-columns'
        if (head?.kind === 'describe-statement') this.#show()
        return
      case 'copy-out':
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
        return this.#onAnswer(head, tag)
      case 'row':
      case 'copy-row':
      case 'unexpected':
        return desync(tag)
    }
  }

  #onAnswer(head: Expected | undefined, tag: number) {
    switch (head?.kind) {
      case 'parse':
      case 'bind':
      case 'close':
        head.commit()
        if (head.show) this.#show()
        return this.#answered()
      case 'describe-portal':
        describePortal(this.#parts.session, head.portal, tag, this.#scanner)
        if (head.show === 'all' || (head.show === 'rows' && tag === BACKEND.rowDescription)) this.#show()
        return this.#answered()
      case 'describe-copy':
        describeCopy(this.#parts.session, head, tag, this.#scanner)
        return this.#answered()
      case 'describe-statement':
      case 'execute-empty':
        this.#show()
        return this.#answered()
      default:
        return desync(tag)
    }
  }

  #onExecution(
    action: Extract<ReplyAction, 'copy-out' | 'copy-end' | 'copy-in' | 'completed' | 'suspended'>,
    running: Running,
    tag: number,
  ) {
    const { copy } = running.cleared.facts
    switch (action) {
      case 'copy-out':
        if (copy !== 'out') return desync(tag)
        this.#stage = 'copy-out'
        this.#rows.copyOut(this.#parts.session, running, this.#scanner.body)
        return this.#show()
      case 'copy-end':
        this.#stage = 'copy-out-done'
        this.#rows.copyEnd(running)
        return this.#show()
      case 'copy-in':
        if (copy !== 'in') return desync(tag)
        this.#stage = 'copy-in'
        this.#show()
        return this.delivery.end({ kind: 'copy-in', running })
      case 'completed':
        return this.#onExecuted(running)
      case 'suspended':
        return this.#onSuspended(running)
    }
  }

  #onSuspended(running: Running) {
    if (running.stopped !== null) return this.#onStopped(running, running.stopped)
    this.completions.finish(running, { kind: 'done', tag: 'PORTAL SUSPENDED', ...this.completions.measure(running) })
    this.#show()
    this.#answered()
  }

  /** However the server ended it, the client doesn't get the whole result, and is told so. */
  #onStopped(running: Running, why: Stop) {
    this.completions.finish(running, { kind: 'cancelled', why: STOPS[why], ...this.completions.measure(running) })
    this.#outbox.put(limitError(why))
    this.#failed()
  }

  #onExecuted(running: Running) {
    const { tag } = decodeCommandComplete(this.#scanner.body)
    const { head } = this.#queue
    if (head?.kind === 'execute') head.commit?.(tag)
    // The server may have finished before the cancel reached it.
    if (running.stopped !== null) return this.#onStopped(running, running.stopped)
    const completion: Completion = { kind: 'done', tag, ...this.completions.measure(running) }
    this.#advance()
    if (this.#queue.head?.kind === 'sync') {
      // Deferred constraints are checked when the Sync commits: until then nothing is done (manual, SET CONSTRAINTS).
      const { bytes, start, end } = this.#scanner
      this.#uncommitted = { running, completion, bytes, start, end }
      return
    }
    this.completions.finish(running, completion)
    this.#show()
    this.#settled()
  }

  /** Hands on the CommandComplete that waited, now that the commit behind it is known to have worked. */
  #commit(): void {
    if (this.#uncommitted === null) return
    const { running, completion, bytes, start, end } = this.#uncommitted
    this.#uncommitted = null
    this.completions.finish(running, completion)
    this.#outbox.keep(bytes, start, end)
  }

  #onReady(head: Expected | undefined) {
    const { status } = decodeReadyForQuery(this.#scanner.body)
    if (head?.kind === 'poison') this.#queue.advance()
    if (status === 'idle' && this.#transaction.end()) this.#parts.onSchemaChange()
    this.#commit()
    this.#advance()
    this.#show()
    const recorded = this.completions.recorded()
    // In the strict tier the outcome is durable before the client hears that it may go on.
    if (recorded !== null) this.delivery.hold(recorded)
    this.delivery.end({ kind: 'ready', status })
  }

  #onError(head: Expected | undefined) {
    const { fields } = decodeErrorResponse(this.#scanner.body)
    this.#parts.onError()
    if (head?.kind === 'poison') return this.#failed()
    const view = viewOf(head, this.#transaction.hasMasked)
    const shown = shownError(fields, view)
    const sqlstate = fields.get('C') ?? 'XX000'
    if (MISMATCHES.has(sqlstate)) this.#parts.onMismatch()
    if (head === undefined || (head.kind === 'sync' && fields.get('V') !== 'ERROR')) {
      // Outside any statement the server only speaks up to say goodbye.
      this.completions.error(null, shown.message)
      this.#outbox.put(shown.bytes)
      throw new ConversationError('upstream-lost', 'the database ended the session')
    }
    if (head.kind === 'sync') return this.#onCommitError(shown)
    if (head.kind !== 'execute') {
      const stopped = this.running?.stopped ?? null
      // Of a statement that didn't come to run, so that no completion has it.
      if (stopped === null) this.completions.error(clearedOf(head), shown.message)
      this.#outbox.put(stopped === null ? shown.bytes : limitError(stopped))
      if (head.kind === 'bind') this.completions.unused(head.portal, `the database reported SQLSTATE ${sqlstate}`)
      return this.#failed(`the database reported SQLSTATE ${sqlstate} before it came to it`)
    }
    const { running } = head
    if (running.stopped !== null) return this.#onStopped(running, running.stopped)
    const completion = failure(shown.message, this.completions.measure(running), refusalIn(fields, view))
    this.completions.finish(running, completion)
    this.#outbox.put(shown.bytes)
    this.#failed()
  }

  /** The commit at a Sync failed: the statement before it didn't succeed after all. ReadyForQuery is still to come. */
  #onCommitError({ bytes, message }: Shown) {
    this.completions.notCommitted(this.#uncommitted?.running ?? null, message)
    this.#uncommitted = null
    this.#outbox.put(bytes)
  }

  #onNotice(head: Expected | undefined) {
    const { bytes, message } = shownNotice(this.#scanner.body, viewOf(head, this.#transaction.hasMasked))
    this.delivery.hold(this.#parts.session.notice(clearedOf(head), message))
    if (bytes === null) this.#show()
    else this.#outbox.put(bytes)
  }

  #onParameterStatus() {
    const status = decodeParameterStatus(this.#scanner.body)
    const isShown = isReported(status)
    this.#parts.onReport(status)
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
    if (this.#queue.isEmpty) this.delivery.end({ kind: 'flushed', hasFailed: false })
  }

  /** The message at the head failed: the server skips all up to the next Sync, and so do we. */
  #failed(why?: string): void {
    this.#advance()
    this.completions.notRun(this.#queue.skip(), why)
    this.#limits.end()
    if (this.#queue.isEmpty) this.delivery.end({ kind: 'flushed', hasFailed: true })
  }

  #advance(): void {
    if (this.#queue.head?.kind === 'execute') this.#limits.end()
    this.#stage = null
    this.#rows.end()
    this.#queue.advance()
    this.#startNext()
  }

  #startNext(): void {
    const { running } = this.#queue
    if (running === null || running.startedMs !== null) return
    this.#last = running
    running.startedMs = this.#parts.monotonic()
    this.#transaction.add(running)
    this.#limits.start(running)
  }

  #fail(fault: ConversationError): void {
    // The second wall: a column came from somewhere else than was decided.
    if (fault.reason === 'internal-error') this.#parts.onMismatch()
    if (this.#fault !== null) return
    this.#fault = fault
    this.#limits.end()
    this.#turn.fail(fault)
    this.#parts.onFault(fault)
  }
}
