import type { Cleared, Clock, CloseReason, Parameter, Pending, Session, Verdict } from '@querywarden/policy-core'
import {
  COPY_DONE,
  decodeCopyFail,
  EMPTY_QUERY_RESPONSE,
  encodeCopyData,
  encodeCopyFail,
  encodeParse,
  encodeReadyForQuery,
  FRONTEND,
  type ReadyForQuery,
  SYNC,
} from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import { type Ask, type Batch, type BatchLimits, readBatch } from './batch.ts'
import { errorResponse, fatalResponse, noticeResponse, type Report, refusalOfUnread } from './error-response.ts'
import { Names } from './names.ts'
import type { Planned } from './plan.ts'
import { planExtended } from './plan-extended.ts'
import { planQuery } from './plan-query.ts'
import { type BatchEnd, ConversationError, Replies } from './replies.ts'
import type { SplitText } from './split-text.ts'
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
  readonly limits: BatchLimits & { readonly statementsMax: number }
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
    this.#replies.onFault = fault => this.end({ sqlstate: '08006', message: fault.message }, fault.reason)
  }

  /** Runs until either side ends it, and gives the reason. Never throws. */
  async run(): Promise<CloseReason> {
    try {
      for (;;) {
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
    const reason = error instanceof ConversationError ? error.reason : 'protocol-violation'
    const message = error instanceof Error ? error.message : 'the session can not go on'
    this.end({ sqlstate: SQLSTATE_OF[reason], message }, reason)
    return reason
  }

  async #handle(batch: Exclude<Batch, { kind: 'gone' | 'terminate' }>): Promise<void> {
    switch (batch.kind) {
      case 'query':
        return this.#query(batch.text)
      case 'extended':
        return this.#extended(batch.asks, batch.end)
      case 'function-call':
        return this.#refuse(
          {
            sqlstate: '0A000',
            message: 'the function call protocol is not spoken here: it names functions by number, past every policy',
            hint: 'call the function in a SELECT',
          },
          [],
          true,
        )
    }
  }

  async #query(text: string): Promise<void> {
    if (this.#isSkipping) return
    const statements = this.#parts.split(text)
    if (statements === null)
      return this.#refuse(refusalOfUnread(await this.#parts.session.submit({ text }), text), [], true)
    // A simple Query closes the unnamed statement and portal, as the manual says of the server.
    this.#names.removeStatement('')
    this.#names.removePortal('')
    if (statements.length === 0) {
      this.#parts.client.write(EMPTY_QUERY_RESPONSE)
      this.#parts.client.write(encodeReadyForQuery({ status: this.#status }))
      return
    }
    const planned = await this.#decide(admit =>
      planQuery(this.#parts.session, statements, statement => admit(statement, [])),
    )
    await this.#carryOut(planned, true)
  }

  async #extended(asks: readonly Ask[], end: 'sync' | 'flush'): Promise<void> {
    if (this.#isSkipping) {
      if (end === 'sync') await this.#recover()
      return
    }
    const { session, split, limits } = this.#parts
    const planned = await this.#decide(admit =>
      planExtended(
        {
          session,
          names: this.#names,
          split,
          admit,
          reveal: portal => this.#replies.revealPortal(portal),
          statementsMax: limits.statementsMax,
        },
        asks,
      ),
    )
    if (planned.kind === 'refused' || end === 'flush') return this.#carryOut(planned, end === 'sync')
    const { messages, expected } = planned.plan
    await this.#carryOut(
      { kind: 'plan', plan: { messages: [...messages, SYNC], expected: [...expected, { kind: 'sync' }] } },
      true,
    )
  }

  /** Has a batch decided, with the client free to leave or to cancel while a person is asked. */
  async #decide(
    plan: (admit: (text: string, parameters: readonly Parameter[]) => Promise<Verdict>) => Promise<Planned>,
  ): Promise<Planned> {
    const held = new AbortController()
    this.#held = held
    const { client, session } = this.#parts
    const signal = AbortSignal.any([held.signal, client.gone])
    const stopTelling: (() => void)[] = []
    try {
      return await plan((text, params) =>
        session.submit(
          { text, params },
          {
            signal,
            inTransaction: this.#status !== 'idle' || this.#isOpen,
            onPending: pending => stopTelling.push(this.#tell(pending)),
          },
        ),
      )
    } finally {
      this.#held = null
      for (const stop of stopTelling) stop()
    }
  }

  /** Tells the client what it waits for, at once and then now and then. */
  #tell({ request, expiresAt }: Pending): () => void {
    const { client, clock } = this.#parts
    const tell = (): void => {
      const seconds = Math.max(0, Math.round((expiresAt - clock.now()) / 1000))
      client.write(
        noticeResponse({
          sqlstate: '00000',
          message: `waiting for approval: request ${request}, ${seconds} s left`,
          detail: JSON.stringify({
            querywarden: 1,
            state: 'pending',
            request,
            expires: new Date(expiresAt).toISOString(),
          }),
          hint: `an approver answers with: querywarden approvals approve ${request}`,
        }),
      )
    }
    tell()
    const timer = setInterval(tell, TELL_EVERY_MS)
    return () => clearInterval(timer)
  }

  async #carryOut(planned: Planned, hasSync: boolean): Promise<void> {
    if (planned.kind === 'refused') return this.#refuse(planned.refusal.report, planned.refusal.cleared, hasSync)
    const { client, upstream } = this.#parts
    if (client.gone.aborted) throw new ConversationError('client-left', 'the client left before its statement was sent')
    const { messages, expected } = planned.plan
    if (expected.length === 0) return
    await this.#stopping
    const changesSchema = expected.some(
      item =>
        item.kind === 'execute' &&
        item.running.cleared.facts.uses.some(use => use.effect === 'ddl' || use.effect === 'unknown'),
    )
    const done = this.#replies.expect(expected)
    this.#isOpen = true
    upstream.link.write(Buffer.concat(messages))
    await this.#until(done)
    // The next statement may use what this one made. Where the schema can't be read again now, it will be refused.
    if (changesSchema) await this.#parts.onSchemaChange().catch(() => undefined)
  }

  async #until(done: Promise<BatchEnd>): Promise<void> {
    const end = await this.#unlessGone(done)
    switch (end.kind) {
      case 'ready':
        this.#ready(end.status)
        return
      case 'flushed':
        this.#isSkipping = end.hasFailed
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

  /** Relays COPY data until the client says that it is all, then the Sync that the server was not sent yet. */
  async #copyIn(): Promise<void> {
    const { client, upstream } = this.#parts
    let hasEnded = false
    const done = this.#replies.expect([]).finally(() => {
      hasEnded = true
    })
    for (;;) {
      const frame = client.take()
      if (hasEnded) break
      if (frame === undefined) {
        await Promise.race([client.arrival(), done])
        continue
      }
      if (frame === null) throw new ConversationError('client-left', 'the client left during COPY')
      if (frame.tag === FRONTEND.copyData) {
        upstream.link.write(encodeCopyData({ data: frame.body }))
        await upstream.link.drained()
      } else if (frame.tag === FRONTEND.copyDone || frame.tag === FRONTEND.copyFail) {
        upstream.link.write(frame.tag === FRONTEND.copyDone ? COPY_DONE : encodeCopyFail(decodeCopyFail(frame.body)))
        await done
        break
      } else if (frame.tag !== FRONTEND.flush && frame.tag !== FRONTEND.sync) {
        throw new ConversationError('protocol-violation', `message ${frame.tag} has no place inside COPY`)
      }
    }
    const ready = this.#replies.expect([{ kind: 'sync' }])
    upstream.link.write(SYNC)
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

const TELL_EVERY_MS = 15_000

/** A text that no server can parse: what makes it abort its transaction, or skip on if it does already. */
const POISON = encodeParse({ name: '', query: 'refused by querywarden', parameterTypes: [] })

const SQLSTATE_OF: Readonly<Record<CloseReason, string>> = {
  'client-left': '08006',
  'client-terminated': '08006',
  'credential-expired': '57P01',
  'upstream-lost': '08006',
  'protocol-violation': '08P01',
  shutdown: '57P01',
  'recorder-failed': '58000',
  'internal-error': 'XX000',
}
