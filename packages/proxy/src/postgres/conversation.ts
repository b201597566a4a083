import { type Cleared, type CloseReason, changesCode, type Pending } from '@querywarden/policy-core'
import {
  EMPTY_QUERY_RESPONSE,
  encodeParse,
  encodeReadyForQuery,
  FLUSH,
  type ReadyForQuery,
  SYNC,
} from '@querywarden/wire/postgres'
import { type Ask, type Batch, BatchReader } from './batch.ts'
import { watchForCanaries } from './canary-watch.ts'
import { asConversationError, ConversationError } from './conversation-error.ts'
import type { ConversationParts } from './conversation-parts.ts'
import { CopyIn } from './copy-in.ts'
import { type Decider, deciderOf } from './decider.ts'
import { canaryReport, errorResponse, fatalResponse, type Report, refusalOfUnread } from './error-response.ts'
import type { BatchEnd, Expected, Running } from './expected.ts'
import { Hold } from './hold.ts'
import { Names } from './names.ts'
import { cancelled, type Plan, type Planned, type Step, segmentsOf } from './plan.ts'
import { planExtended } from './plan-extended.ts'
import { planQuery } from './plan-query.ts'
import { Replies } from './replies.ts'
import { drainedInTime } from './slow-client.ts'
import { tellPending } from './tell-pending.ts'

/** One client's session from ReadyForQuery to the end: reads batches, has them decided, runs them, relays the answers. */
export class Conversation {
  readonly #parts: ConversationParts
  readonly #batches: BatchReader
  readonly #replies: Replies
  readonly #names: Names
  #status: ReadyForQuery['status'] = 'idle'
  /** The server has messages of an extended batch that no Sync has closed yet. */
  #isOpen = false
  /** An error was reported; all up to the next Sync is skipped, as the server does. */
  #isSkipping = false
  /** Nothing is being decided or run: it is the client's turn. */
  #isIdle = true
  /** Whether the open transaction has changed code, or is about to. */
  #doubt = { codeInDoubt: false }
  #hold: Hold | null = null
  #copyIn: CopyIn | null = null
  #stopping: Promise<void> | null = null
  #drain: Report | null = null
  #end: { readonly report: Report | null; readonly reason: CloseReason } | null = null

  constructor(parts: ConversationParts) {
    this.#parts = parts
    const { session, client, upstream, frameBytesMax, clock, limits, onSchemaChange, onMismatch } = parts
    this.#batches = new BatchReader(client, limits)
    this.#replies = new Replies({
      session,
      client,
      upstream: upstream.link,
      frameBytesMax,
      monotonic: clock.monotonic,
      cancelUpstream: () => this.#stopUpstream(),
      onReport: status => parts.planner.onReport(status),
      // Whoever asks for it next waits until it is read again; where that fails, nothing is decided by the old one.
      onSchemaChange: () => void onSchemaChange().catch(() => undefined),
      onMismatch,
      onError: () => this.#names.fail(),
      onFault: ({ sqlstate, message, reason }) => this.end({ sqlstate, message }, reason),
    })
    this.#names = new Names(portal =>
      this.#replies.completions.unused(portal, 'its portal was closed before it was executed'),
    )
    if (parts.canaries !== null) watchForCanaries(client, parts.canaries, found => this.#onCanary(found))
    // A client that leaves takes its statement along: nobody is there for the answer (threats F21).
    client.gone.addEventListener('abort', () => {
      if (this.#copyIn !== null) this.#copyIn.onClientGone()
      else if (this.#replies.isDue) this.end(null, 'client-left')
    })
  }

  /** Runs until either side ends it, and gives the reason. Never throws. */
  async run(): Promise<CloseReason> {
    const { client } = this.#parts
    try {
      for (;;) {
        // Whoever doesn't take the answers asks no more questions (threats O2).
        if (client.socket.writableNeedDrain) await drainedInTime(client)
        if (this.#drain !== null) this.#endIfDrained(this.#drain)
        this.#isIdle = true
        const batch = await this.#batches.next(this.#isSkipping ? 'skipping' : 'open')
        if (this.#end !== null) return this.#end.reason
        if (batch.kind === 'gone') return 'client-left'
        if (batch.kind === 'terminate') return 'client-terminated'
        this.#isIdle = false
        await this.#handle(batch)
      }
    } catch (error) {
      return this.#onFault(error)
    } finally {
      this.#replies.abandon('the session ended before the database answered')
      this.#names.removeAllPortals()
      await this.#replies.completions.recorded()?.catch(() => undefined)
    }
  }

  /** Ends the session from outside: its token expired, the gateway stops. What runs is cancelled. */
  end(report: Report | null, reason: CloseReason): void {
    if (this.#end !== null) return
    this.#end = { report, reason }
    this.#hold?.cancel()
    if (this.#replies.running !== null) this.#stopUpstream()
    const isHeard = report !== null && !this.#replies.isMidFrame
    this.#parts.client.end(isHeard ? fatalResponse(report) : undefined)
    this.#parts.upstream.link.socket.destroy()
  }

  /** Ends the session as soon as nothing runs and no transaction is open: now, where that is so already. */
  drain(report: Report): void {
    this.#drain = report
    if (this.#isIdle) this.#endIfDrained(report)
  }

  /** Whose turn it is: the gateway's while something is decided or run, else the client's. */
  get turn(): 'busy' | 'idle' | 'in-transaction' {
    if (!this.#isIdle) return 'busy'
    return this.#status === 'idle' && !this.#isOpen ? 'idle' : 'in-transaction'
  }

  #endIfDrained(report: Report): void {
    if (this.#status === 'idle' && !this.#isOpen) this.end(report, 'shutdown')
  }

  /** The client asked, over another connection, to cancel what runs. */
  cancel(): void {
    const running = this.#replies.running
    void this.#parts.session.cancelled(running?.cleared ?? null).catch(() => undefined)
    if (this.#hold !== null) this.#hold.cancel()
    else if (running !== null) this.#stopUpstream()
  }

  /** A value that nobody may see was on its way to the client: none of it was sent, and nothing behind it will be. */
  #onCanary({ name, isMidMessage }: Parameters<Parameters<typeof watchForCanaries>[2]>[0]): void {
    const last = this.#replies.last?.cleared ?? null
    void this.#parts.session
      .incident(last, 'CANARY', `canary \`${name}\` was on its way to the client`)
      .catch(() => undefined)
    this.#replies.delivery.sendReady()
    this.end(isMidMessage ? null : canaryReport(), 'internal-error')
  }

  /** A cancel that came late must not meet the next statement, so the next one waits for it (threats E10). */
  #stopUpstream(): void {
    // The server acts on a cancel while it works on the data, and on a CopyFail while it waits for more.
    this.#copyIn?.stop()
    const stopping = this.#parts.cancelUpstream().catch(() => undefined)
    this.#stopping = this.#stopping === null ? stopping : Promise.all([this.#stopping, stopping]).then(() => undefined)
  }

  #onFault(error: unknown): CloseReason {
    if (this.#end !== null) return this.#end.reason
    const { reason, sqlstate, message } = asConversationError(error, 'the client', 'protocol-violation')
    this.end({ sqlstate, message }, reason)
    return reason
  }

  async #handle(batch: Exclude<Batch, { kind: 'gone' | 'terminate' }>): Promise<void> {
    switch (batch.kind) {
      case 'extended':
        return this.#extended(batch.asks, batch.end)
      case 'query':
        return this.#query(batch.text)
      case 'refused':
        // No gate has seen it, so nothing else records it.
        await this.#parts.session.incident(null, 'MESSAGE_REFUSED', batch.report.message)
        return this.#refuse(batch.report, [], true)
    }
  }

  async #query(text: string): Promise<void> {
    const { session, client, split, limits } = this.#parts
    const { heldBytesMax, statementsMax } = limits
    const hold = new Hold(client.gone)
    const found = split(text, session)
    const statements = found instanceof Promise ? await this.#during(hold, found) : found
    // A simple Query closes the unnamed statement and portal, as the manual says of the server.
    this.#names.removeStatement('')
    this.#names.removePortal('')
    if (statements === null) return this.#refuse(refusalOfUnread(await session.submit({ text }), text), [], true)
    if (statements.length === 0) {
      client.write(EMPTY_QUERY_RESPONSE)
      // It still ends the implicit transaction of what was flushed before it.
      if (this.#isOpen) return this.#carryOut({ kind: 'plan', plan: { steps: [], end: 'sync' } }, 'query')
      client.write(encodeReadyForQuery({ status: this.#status }))
      return
    }
    await this.#carryOut(
      await this.#decide(
        decider => planQuery({ session, names: this.#names, ...decider, heldBytesMax, statementsMax }, statements),
        statements.length > 1,
        hold,
      ),
      'query',
    )
  }

  /** A long text is read elsewhere, which takes a while: a cancel that comes meanwhile counts (threats E10). */
  async #during<Read>(hold: Hold, reading: Promise<Read>): Promise<Read> {
    this.#hold = hold
    return reading.finally(() => {
      this.#hold = null
    })
  }

  async #extended(asks: readonly Ask[], end: Plan['end']): Promise<void> {
    if (this.#isSkipping) {
      if (end === 'sync') await this.#recover()
      return
    }
    const { session, split, limits } = this.#parts
    const { statementsMax, heldBytesMax } = limits
    const names = this.#names
    const planned = await this.#decide(
      decider =>
        planExtended(
          { session, names, split, statementsMax, heldBytesMax, sentBytesMax: heldBytesMax, ...decider },
          asks,
          end,
        ),
      false,
    )
    await this.#carryOut(planned, end)
  }

  /** Has a batch decided, with the client free to leave or to cancel while a person is asked. */
  async #decide(
    plan: (decider: Decider) => Promise<Planned>,
    multiStatement: boolean,
    hold: Hold = new Hold(this.#parts.client.gone),
  ): Promise<Planned> {
    const { client, session, clock, planner } = this.#parts
    this.#hold = hold
    const stopTelling: (() => void)[] = []
    const inTransaction = this.#status !== 'idle' || this.#isOpen
    // What the transaction before has changed is read again by now.
    const doubt = inTransaction ? this.#doubt : { codeInDoubt: false }
    this.#doubt = doubt
    planner.onBatch(inTransaction, !this.#isOpen)
    try {
      const circumstances = {
        get signal() {
          return hold.signal
        },
        get codeInDoubt() {
          return doubt.codeInDoubt
        },
        inTransaction,
        multiStatement,
        // From here on it must show when the client leaves: a paused socket would hide it (threats A5).
        onPending: (pending: Pending) => stopTelling.push(client.refuseOverflow(), tellPending(pending, client, clock)),
      }
      // Whoever makes a function in a transaction and calls it there must not have it judged by what is known of the one
      // before (threats N2).
      const decider = deciderOf(session, circumstances, facts => {
        planner.onCleared(facts)
        if (changesCode(facts)) doubt.codeInDoubt = true
      })
      const planned = await plan(decider)
      // A cancel that came while nobody had to be asked still counts: nothing has been sent yet.
      return hold.isCancelled && planned.kind === 'plan' ? cancelled(planned.plan) : planned
    } finally {
      this.#hold = null
      for (const stop of stopTelling) stop()
    }
  }

  /** @param asked - what the client ended its batch with */
  async #carryOut(planned: Planned, asked: 'query' | 'sync' | 'flush'): Promise<void> {
    const hasSync = asked !== 'flush'
    if (planned.kind === 'refused') return this.#refuse(planned.refusal.report, planned.refusal.cleared, hasSync)
    const { steps, end } = planned.plan
    if (steps.length === 0 && end === 'flush') return
    const reached = await this.#sendInSegments(segmentsOf(steps), end === 'sync')
    if (reached?.kind === 'copy-in') await this.#relayCopyIn(reached.running, asked === 'query')
    // The client's own Sync was held back, from a COPY that would have swallowed it or a part that came to nothing.
    else if (this.#isSkipping && hasSync) await this.#recover()
  }

  /** Sends one part after the other, and none behind one that failed. */
  async #sendInSegments(segments: readonly (readonly Step[])[], isSynced: boolean): Promise<BatchEnd | null> {
    let sent = 0
    let reached: BatchEnd | null = null
    try {
      for (const segment of segments) {
        sent += 1
        reached = await this.#send(segment, isSynced && sent === segments.length)
        if (this.#isSkipping) break
      }
      return reached
    } finally {
      // Also where the session ends in the middle: each of them was cleared, and none will run.
      const rest = segments.slice(sent).flatMap(segment => segment.map(({ expected }) => expected))
      this.#replies.completions.notRun(rest)
    }
  }

  #send(steps: readonly Step[], isSynced: boolean): Promise<BatchEnd> {
    const expected = steps.map(step => step.expected)
    const messages = steps.map(({ message }) => message)
    if (isSynced) expected.push(SYNC_EXPECTED)
    messages.push(isSynced ? SYNC : FLUSH)
    return this.#exchange(expected, messages)
  }

  /** Sends messages by one write, and waits until the server has answered them all or asks for COPY data. */
  async #exchange(expected: readonly Expected[], messages: readonly Uint8Array[]): Promise<BatchEnd> {
    const { client, upstream } = this.#parts
    if (this.#stopping !== null) {
      await this.#stopping
      this.#stopping = null
    }
    if (client.gone.aborted) {
      this.#replies.completions.notRun(expected, 'the client left before it was sent')
      throw new ConversationError('client-left', 'the client left before its statement was sent')
    }
    const done = this.#replies.expect(expected)
    this.#isOpen = true
    upstream.link.write(Buffer.concat(messages))
    return this.#settle(await done)
  }

  async #settle(end: BatchEnd): Promise<BatchEnd> {
    switch (end.kind) {
      case 'ready':
        this.#status = end.status
        this.#isOpen = false
        this.#isSkipping = false
        if (end.status === 'idle') this.#names.settle()
        return end
      case 'flushed':
        this.#isSkipping = end.hasFailed
        await this.#replies.completions.recorded()
        return end
      case 'copy-in':
        return end
    }
  }

  /**
   * Relays COPY data. In a simple query the Sync that the server was not sent yet follows; in the extended protocol the
   * client sends one of its own behind the data, as the server ignores any ahead of it.
   */
  async #relayCopyIn(running: Running, isQuery: boolean): Promise<void> {
    const { client, upstream } = this.#parts
    const copyIn = new CopyIn(client, upstream.link, running)
    const rest = this.#replies.expect([])
    this.#copyIn = copyIn
    let last: Uint8Array
    try {
      last = await copyIn.relay(rest)
    } finally {
      this.#copyIn = null
    }
    if (isQuery) {
      await this.#exchange([SYNC_EXPECTED], [last, SYNC])
      return
    }
    upstream.link.write(Buffer.concat([last, FLUSH]))
    await this.#settle(await rest)
  }

  /** Reports a refusal, and leaves the transaction as an error of the server's own would. */
  async #refuse(report: Report, cleared: readonly Cleared[], hasSync: boolean): Promise<void> {
    const { session, client } = this.#parts
    for (const one of cleared) await session.finish(one, { kind: 'not-run', why: 'its batch was refused' })
    client.write(errorResponse(report))
    this.#isSkipping = true
    if (hasSync) await this.#recover()
  }

  /** The Sync after an error: the server's transaction is aborted if it has one, and the client may go on. */
  async #recover(): Promise<void> {
    const { client } = this.#parts
    if (!this.#isOpen && this.#status !== 'transaction') {
      this.#isSkipping = false
      client.write(encodeReadyForQuery({ status: this.#status }))
      return
    }
    await this.#exchange([{ kind: 'poison' }, SYNC_EXPECTED], [POISON, SYNC])
  }
}

const SYNC_EXPECTED: Expected = { kind: 'sync' }

/** A text that no server can parse: what makes it abort its transaction, or skip on if it does already. */
const POISON = encodeParse({ name: '', query: 'refused by querywarden', parameterTypes: [] })
