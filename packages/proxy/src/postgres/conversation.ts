import type { Cleared, Clock, CloseReason, Parameter, Session, Verdict } from '@querywarden/policy-core'
import {
  EMPTY_QUERY_RESPONSE,
  encodeParse,
  encodeReadyForQuery,
  FLUSH,
  type ReadyForQuery,
  SYNC,
} from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { type Ask, type Batch, type BatchLimits, readBatch } from './batch.ts'
import { asConversationError, ConversationError } from './conversation-error.ts'
import { relayCopyIn } from './copy-in.ts'
import { errorResponse, fatalResponse, type Report, refusalOfUnread } from './error-response.ts'
import type { BatchEnd, Expected, Running } from './expected.ts'
import { Names } from './names.ts'
import { type Plan, type Planned, runningOf, type Step, segmentsOf } from './plan.ts'
import { planExtended } from './plan-extended.ts'
import { planQuery } from './plan-query.ts'
import { drainedInTime } from './relay.ts'
import { Replies } from './replies.ts'
import type { SplitText } from './split-text.ts'
import { tellPending } from './tell-pending.ts'
import type { Upstream } from './upstream-login.ts'

/** What a conversation is made of. */
export interface ConversationParts {
  readonly session: Session
  readonly client: Link
  readonly upstream: Upstream
  readonly split: SplitText
  readonly clock: Clock
  /** Resolves when the database has taken the request; nothing else may be sent before that. */
  readonly cancelUpstream: () => Promise<void>
  /** Told once a statement that changes the schema has run. */
  readonly onSchemaChange: () => Promise<unknown>
  readonly frameBytesMax: number
  readonly limits: BatchLimits & { readonly statementsMax: number; readonly heldBytesMax: number }
}

/** One client's session from ReadyForQuery to the end: reads batches, has them decided, runs them, relays the answers. */
export class Conversation {
  readonly #parts: ConversationParts
  readonly #replies: Replies
  readonly #names = new Names()
  #status: ReadyForQuery['status'] = 'idle'
  /** The server has messages of an extended batch that no Sync has closed yet. */
  #isOpen = false
  /** An error was reported; all up to the next Sync is skipped, as the server does. */
  #isSkipping = false
  #held: AbortController | null = null
  #stopping: Promise<void> = Promise.resolve()
  #end: { readonly report: Report | null; readonly reason: CloseReason } | null = null

  constructor(parts: ConversationParts) {
    this.#parts = parts
    const { session, client, upstream, frameBytesMax, clock } = parts
    this.#replies = new Replies({
      session,
      client,
      upstream: upstream.link,
      frameBytesMax,
      monotonic: clock.monotonic,
      cancelUpstream: () => this.#stopUpstream(),
    })
    this.#replies.onFault = ({ sqlstate, message, reason }) => this.end({ sqlstate, message }, reason)
  }

  /** Runs until either side ends it, and gives the reason. Never throws. */
  async run(): Promise<CloseReason> {
    try {
      for (;;) {
        // Whoever doesn't take the answers asks no more questions (threats O2).
        await drainedInTime(this.#parts.client)
        const batch = await readBatch(this.#parts.client, this.#parts.limits)
        if (this.#end !== null) return this.#end.reason
        if (batch.kind === 'gone') return 'client-left'
        if (batch.kind === 'terminate') return 'client-terminated'
        await this.#handle(batch)
      }
    } catch (error) {
      return this.#onFault(error)
    } finally {
      this.#replies.abandon('the session ended before the database answered')
      await this.#replies.recorded().catch(() => undefined)
    }
  }

  /** Ends the session from outside: its token expired, the gateway stops. What runs is cancelled. */
  end(report: Report | null, reason: CloseReason): void {
    if (this.#end !== null) return
    this.#end = { report, reason }
    this.#held?.abort()
    if (this.#replies.running !== null) this.#stopUpstream()
    this.#parts.client.end(report === null ? undefined : fatalResponse(report))
    this.#parts.upstream.link.socket.destroy()
  }

  /** The client asked, over another connection, to cancel what runs. */
  cancel(): void {
    const running = this.#replies.running
    void this.#parts.session.cancelled(running?.cleared ?? null).catch(() => undefined)
    if (this.#held !== null) this.#held.abort()
    else if (running !== null) this.#stopUpstream()
  }

  /** A cancel that came late must not meet the next statement, so the next one waits for it (threats E10). */
  #stopUpstream(): void {
    const stopping = this.#parts.cancelUpstream().catch(() => undefined)
    this.#stopping = Promise.all([this.#stopping, stopping]).then(() => undefined)
  }

  #onFault(error: unknown): CloseReason {
    if (this.#end !== null) return this.#end.reason
    const { reason, sqlstate, message } = asConversationError(error, 'the client', 'protocol-violation')
    this.end({ sqlstate, message }, reason)
    return reason
  }

  async #handle(batch: Exclude<Batch, { kind: 'gone' | 'terminate' }>): Promise<void> {
    if (batch.kind === 'extended') return this.#extended(batch.asks, batch.end)
    // The server skips everything else too until the Sync behind an error.
    if (this.#isSkipping) return
    if (batch.kind === 'query') return this.#query(batch.text)
    // No gate has seen it, so nothing else records it.
    await this.#parts.session.incident(null, 'MESSAGE_REFUSED', batch.report.message)
    return this.#refuse(batch.report, [], true)
  }

  async #query(text: string): Promise<void> {
    const { session, client, split } = this.#parts
    const statements = split(text)
    if (statements === null) return this.#refuse(refusalOfUnread(await session.submit({ text }), text), [], true)
    // A simple Query closes the unnamed statement and portal, as the manual says of the server.
    this.#names.removeStatement('')
    this.#names.removePortal('')
    if (statements.length === 0) {
      client.write(EMPTY_QUERY_RESPONSE)
      // It still ends the implicit transaction of what was flushed before it.
      if (this.#isOpen) return this.#carryOut({ kind: 'plan', plan: { steps: [], end: 'sync' } }, true)
      client.write(encodeReadyForQuery({ status: this.#status }))
      return
    }
    const planned = await this.#decide(admit => planQuery(session, statements, statement => admit(statement, [])))
    await this.#carryOut(planned, true)
    // A COPY FROM STDIN that failed before it asked for data was sent without a Sync.
    if (this.#isSkipping) await this.#recover()
  }

  async #extended(asks: readonly Ask[], end: Plan['end']): Promise<void> {
    if (this.#isSkipping) {
      if (end === 'sync') await this.#recover()
      return
    }
    const { session, split, limits } = this.#parts
    const context = {
      session,
      names: this.#names,
      split,
      statementsMax: limits.statementsMax,
      heldBytesMax: limits.heldBytesMax,
    }
    const planned = await this.#decide(admit => planExtended({ ...context, admit }, asks, end))
    await this.#carryOut(planned, end === 'sync')
  }

  /** Has a batch decided, with the client free to leave or to cancel while a person is asked. */
  async #decide(
    plan: (admit: (text: string, parameters: readonly Parameter[]) => Promise<Verdict>) => Promise<Planned>,
  ): Promise<Planned> {
    const held = new AbortController()
    this.#held = held
    const { client, session, clock } = this.#parts
    const signal = AbortSignal.any([held.signal, client.gone])
    const stopTelling: (() => void)[] = []
    try {
      const planned = await plan((text, params) =>
        session.submit(
          { text, params },
          {
            signal,
            inTransaction: this.#status !== 'idle' || this.#isOpen,
            // From here on it must show when the client leaves: a paused socket would hide it (threats A5).
            onPending: pending => stopTelling.push(client.refuseOverflow(), tellPending(pending, client, clock)),
          },
        ),
      )
      // A cancel that came while nobody had to be asked still counts: nothing has been sent yet.
      return held.signal.aborted && planned.kind === 'plan' ? cancelled(planned.plan) : planned
    } finally {
      this.#held = null
      for (const stop of stopTelling) stop()
    }
  }

  async #carryOut(planned: Planned, hasSync: boolean): Promise<void> {
    if (planned.kind === 'refused') return this.#refuse(planned.refusal.report, planned.refusal.cleared, hasSync)
    const { steps, end } = planned.plan
    if (steps.length === 0 && end === 'flush') return
    const segments = segmentsOf(steps)
    for (const [i, segment] of segments.entries()) {
      const isLast = i === segments.length - 1
      await this.#send(segment, isLast ? end : 'flush')
      if (isLast || !this.#isSkipping) continue
      this.#replies.notRun(segments.slice(i + 1).flatMap(runningOf))
      if (end === 'sync') await this.#recover()
      break
    }
    // The next statement may use what this one made. Where the schema can't be read again now, it will be refused.
    if (runningOf(steps).some(changesSchema)) await this.#parts.onSchemaChange().catch(() => undefined)
  }

  async #send(steps: readonly Step[], end: Plan['end']): Promise<void> {
    const { client, upstream } = this.#parts
    await this.#stopping
    if (client.gone.aborted) throw new ConversationError('client-left', 'the client left before its statement was sent')
    const sync: readonly Expected[] = end === 'sync' ? [{ kind: 'sync' }] : []
    const done = this.#replies.expect([...steps.map(({ expected }) => expected), ...sync])
    this.#isOpen = true
    upstream.link.write(Buffer.concat([...steps.map(({ message }) => message), end === 'sync' ? SYNC : FLUSH]))
    await this.#until(done)
  }

  async #until(done: Promise<BatchEnd>): Promise<void> {
    const end = await this.#unlessGone(done)
    switch (end.kind) {
      case 'ready':
        this.#ready(end.status)
        return
      case 'flushed':
        this.#isSkipping = end.hasFailed
        await this.#replies.recorded()
        return
      case 'copy-in':
        return this.#copyIn()
    }
  }

  /** A client that leaves takes its statement along: nobody is there for the answer (threats F21). */
  async #unlessGone<T>(done: Promise<T>): Promise<T> {
    const { gone } = this.#parts.client
    const onGone = (): void => this.end(null, 'client-left')
    if (gone.aborted) onGone()
    gone.addEventListener('abort', onGone)
    try {
      return await done
    } finally {
      gone.removeEventListener('abort', onGone)
    }
  }

  #ready(status: ReadyForQuery['status']): void {
    this.#status = status
    this.#isOpen = false
    this.#isSkipping = false
    if (status === 'idle') this.#names.endTransaction()
  }

  /** Relays COPY data, then sends the Sync that the server was not sent yet. */
  async #copyIn(): Promise<void> {
    const { client, upstream } = this.#parts
    const last = await relayCopyIn(client, upstream.link, this.#replies.expect([]))
    const ready = this.#replies.expect([{ kind: 'sync' }])
    upstream.link.write(Buffer.concat([last, SYNC]))
    await this.#until(ready)
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
    const { client, upstream } = this.#parts
    if (!this.#isOpen && this.#status !== 'transaction') {
      this.#isSkipping = false
      client.write(encodeReadyForQuery({ status: this.#status }))
      return
    }
    const done = this.#replies.expect([{ kind: 'poison' }, { kind: 'sync' }])
    upstream.link.write(Buffer.concat([POISON, SYNC]))
    await this.#until(done)
  }
}

/** A text that no server can parse: what makes it abort its transaction, or skip on if it does already. */
const POISON = encodeParse({ name: '', query: 'refused by querywarden', parameterTypes: [] })

const changesSchema = ({ cleared }: Running): boolean =>
  cleared.facts.uses.some(({ effect }) => effect === 'ddl' || effect === 'unknown')

function cancelled({ steps }: Plan): Planned {
  const running = runningOf(steps)
  for (const { portal } of running) portal.cleared = null
  const report = { sqlstate: '57014', message: 'canceled before it was sent to the database' }
  return { kind: 'refused', refusal: { report, cleared: running.map(({ cleared }) => cleared) } }
}
