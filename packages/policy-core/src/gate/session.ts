import type { Catalog } from '../catalog.ts'
import type { Decision, Refusal } from '../decision.ts'
import type { CloseReason, Completion } from '../entry.ts'
import { effectsOf } from '../facts.ts'
import type {
  Approver,
  CatalogSource,
  Cell,
  Clock,
  MaskRow,
  Pending,
  PolicySource,
  ResultColumn,
  SessionRecorder,
} from '../hooks.ts'
import type { Principal } from '../principal.ts'
import type { Parameter } from '../statement.ts'
import type { Target } from '../target.ts'
import { Cleared } from './cleared.ts'
import { intentOf, type JudgeHooks, type Judgement, judge } from './judge.ts'
import { JudgementCache } from './judgement-cache.ts'
import { type Revelation, reveal } from './reveal.ts'
import { settle } from './settle.ts'

/** The gate's answer for one statement. */
export type Verdict =
  | { readonly kind: 'cleared'; readonly cleared: Cleared }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** The circumstances of one submission. */
export interface Circumstances {
  /** Aborts when the asker leaves or cancels: a pending request is then withdrawn. */
  readonly signal?: AbortSignal
  /** Whether a transaction is open: nobody's locks wait for a person, so what needs approval is refused. */
  readonly inTransaction?: boolean
  /** Called once if a person must be waited for. */
  readonly onPending?: (pending: Pending) => void
}

/** What {@link Session} is made of. */
export interface SessionParts extends JudgeHooks {
  readonly policy: PolicySource
  readonly id: string
  readonly principal: Principal
  readonly target: Target
  readonly catalog: CatalogSource
  readonly approve: Approver
  readonly recorder: SessionRecorder
  readonly clock: Clock
  readonly limits: GateLimits
}

export interface GateLimits {
  /** How many judgements a session remembers. */
  readonly judgementsMax: number
  /** The longest text, in UTF-16 code units, whose judgement is remembered. */
  readonly judgedCharsMax: number
}

/** One principal on one target, from login to close. */
export class Session {
  readonly id: string
  readonly principal: Principal
  readonly target: Target
  readonly #parts: SessionParts
  readonly #judgements: JudgementCache
  #statements = 0
  #ended: CloseReason | null = null
  /** Never true again: should the database roll the change back, names are only found in fewer places than it would. */
  #hasSearchPath = true

  constructor(parts: SessionParts) {
    this.id = parts.id
    this.principal = parts.principal
    this.target = parts.target
    this.#parts = parts
    this.#judgements = new JudgementCache(this, {
      entriesMax: parts.limits.judgementsMax,
      textCharsMax: parts.limits.judgedCharsMax,
    })
  }

  /** Judges a text without running it: what a prepared statement needs before its parameters are known. */
  async judge(text: string): Promise<Judgement | { readonly kind: 'unavailable'; readonly refusal: Refusal }> {
    const catalog = await this.#catalog()
    if (catalog === null) return { kind: 'unavailable', refusal: CATALOG_UNAVAILABLE }
    // Read once: one statement is judged by one policy, whatever takes its place meanwhile (threats F6, F33).
    const policy = this.#parts.policy()
    return this.#judgements.get(policy, catalog.fingerprint, text, rulings =>
      judge(this.#parts, rulings, this.target, text, catalog),
    )
  }

  /** Judges, waits for a person if it must, records, clears. Never throws: what fails is refused. */
  async submit(
    statement: { readonly text: string; readonly params?: readonly Parameter[] },
    circumstances: Circumstances = {},
  ): Promise<Verdict> {
    const number = ++this.#statements
    const params = statement.params ?? []
    const unfit = this.#whyUnfit()
    if (unfit !== null) return this.#refuseUnjudged(number, statement.text, params, unfit)

    const judgement = await this.judge(statement.text)
    if (judgement.kind === 'unavailable') return this.#refuseUnjudged(number, statement.text, params, judgement.refusal)
    if (judgement.kind === 'refused') return this.#refuse(number, judgement, params, judgement.refusal)

    if (judgement.decision.kind === 'allow') return this.#clear(number, judgement, params, null)
    const settled = await this.#settle(number, judgement, judgement.decision, params, circumstances)
    if (settled.kind === 'refused') return this.#refuse(number, judgement, params, settled.refusal)

    return this.#clear(number, judgement, params, settled.request)
  }

  /** Checks a result's columns and prepares its masks. See {@link Revelation}. */
  reveal(cleared: Cleared, columns: readonly ResultColumn[]): Revelation {
    return reveal(this.#parts.mask.rows, cleared, columns)
  }

  /** Records what became of a cleared statement. Resolves when the recorder has taken it. */
  finish(cleared: Cleared, completion: Completion): Promise<void> {
    return this.#parts.recorder.append({ kind: 'completion', statement: cleared.number, completion })
  }

  /**
   * The second check and the closing entry in one, for a caller that holds a whole result.
   * @throws {GateError} `RAW_COLUMN`: a column arrived that should have been masked. Nothing of it may be shown.
   */
  async release(
    cleared: Cleared,
    result: { readonly columns: readonly ResultColumn[]; readonly rows: Cell[][]; readonly ms: number },
  ): Promise<readonly Cell[][]> {
    const revelation = this.reveal(cleared, result.columns)
    if (revelation.kind === 'raw') {
      await this.incident(cleared, revelation.code, revelation.message)
      throw new GateError(revelation.code, revelation.message)
    }
    maskRows(revelation.mask, result.rows)
    const { tag } = cleared.facts
    await this.finish(cleared, { kind: 'done', tag, rows: result.rows.length, bytes: 0, ms: result.ms })
    return result.rows
  }

  /** Records something that must never happen, or that an operator should look at. */
  incident(cleared: Cleared | null, code: string, message: string): Promise<void> {
    return this.#parts.recorder.append({ kind: 'incident', statement: cleared?.number ?? null, code, message })
  }

  /** Records that the client asked to cancel. */
  cancelled(cleared: Cleared | null): Promise<void> {
    return this.#parts.recorder.append({ kind: 'cancel-requested', statement: cleared?.number ?? null })
  }

  /** Ends the session and closes its recording. Later calls change nothing. */
  async close(reason: CloseReason): Promise<void> {
    if (this.#ended !== null) return
    this.#ended = reason
    await this.#parts.recorder.close(reason)
  }

  #whyUnfit(): Refusal | null {
    if (this.#ended !== null) return sessionEnded('this session is closed', 'open a new session')
    if (this.#parts.clock.now() >= this.principal.expiresAt) {
      return sessionEnded('the token of this session has expired', 'log in with a new token')
    }
    return null
  }

  async #catalog(): Promise<Catalog | null> {
    try {
      const catalog = await this.#parts.catalog(this.target)
      return this.#hasSearchPath ? catalog : withoutSearchPath(catalog)
    } catch {
      return null
    }
  }

  async #settle(
    number: number,
    judgement: Extract<Judgement, { kind: 'permitted' }>,
    decision: Extract<Decision, { kind: 'approve' }>,
    params: readonly Parameter[],
    circumstances: Circumstances,
  ): Promise<
    { readonly kind: 'granted'; readonly request: string } | { readonly kind: 'refused'; readonly refusal: Refusal }
  > {
    const { facts, catalog, policyVersion } = judgement
    if (circumstances.inTransaction === true) return { kind: 'refused', refusal: INSIDE_TRANSACTION }

    let noted: Promise<void> = Promise.resolve()
    const settlement = await settle(
      this.#parts.approve,
      {
        session: this.id,
        principal: this.principal,
        target: this.target,
        statement: { dialect: this.target.dialect, text: judgement.text, params },
        canonical: facts.canonical,
        decision,
        terms: decision.terms,
        policyVersion,
        catalogFingerprint: catalog.fingerprint,
        searchPath: catalog.searchPath,
      },
      circumstances.signal ?? new AbortController().signal,
      pending => {
        noted = this.#parts.recorder.append({
          kind: 'approval-requested',
          statement: number,
          request: pending.request,
          terms: decision.terms,
          canonical: facts.canonical,
        })
        // Awaited below; until then a failure must not count as unhandled.
        noted.catch(() => undefined)
        circumstances.onPending?.(pending)
      },
    )
    return this.#recordAnswer(number, judgement, settlement, noted)
  }

  async #recordAnswer(
    number: number,
    judgement: Extract<Judgement, { kind: 'permitted' }>,
    settlement: Awaited<ReturnType<typeof settle>>,
    noted: Promise<void>,
  ): Promise<
    { readonly kind: 'granted'; readonly request: string } | { readonly kind: 'refused'; readonly refusal: Refusal }
  > {
    try {
      await noted
      if (settlement.answer !== null) {
        const { answer } = settlement
        const people = answer.kind === 'granted' || answer.kind === 'denied' ? answer : { by: [], reason: '' }
        await this.#parts.recorder.append({
          kind: 'approval-answered',
          statement: number,
          request: answer.request,
          answer: answer.kind,
          by: people.by,
          reason: people.reason,
        })
      }
    } catch {
      return { kind: 'refused', refusal: RECORDER_FAILED }
    }
    if (settlement.kind === 'refused') return settlement
    const changed = await this.#whyChanged(judgement)
    return changed === null ? { kind: 'granted', request: settlement.request } : { kind: 'refused', refusal: changed }
  }

  /** A person approved a statement as it was understood then. Time passed; is it still the same statement? */
  async #whyChanged(judgement: Extract<Judgement, { kind: 'permitted' }>): Promise<Refusal | null> {
    const unfit = this.#whyUnfit()
    if (unfit !== null) return unfit
    const now = await this.judge(judgement.text)
    const isSame =
      now.kind === 'permitted' &&
      now.catalog.fingerprint === judgement.catalog.fingerprint &&
      now.policyVersion === judgement.policyVersion
    if (isSame) return null
    return {
      code: 'APPROVAL_WITHDRAWN',
      rule: null,
      message: 'statement refused: the schema or the policy changed while it waited for approval',
      hint: 'send the statement again; it will be judged as things are now',
      place: null,
      request: null,
    }
  }

  async #refuse(
    number: number,
    judgement: Judgement,
    params: readonly Parameter[],
    refusal: Refusal,
  ): Promise<Verdict> {
    const { facts, text } = judgement
    try {
      await this.#parts.recorder.append({
        kind: 'refused',
        statement: number,
        text,
        canonical: facts.kind === 'understood' ? facts.canonical : '',
        params,
        effects: effectsOf(facts),
        refusal,
        reasons: judgement.decision.reasons,
      })
    } catch {
      return { kind: 'refused', refusal: RECORDER_FAILED }
    }
    return { kind: 'refused', refusal }
  }

  /** What wasn't even judged is recorded too, while there is a recording to write to. */
  async #refuseUnjudged(
    number: number,
    text: string,
    params: readonly Parameter[],
    refusal: Refusal,
  ): Promise<Verdict> {
    const effects = ['unknown'] as const
    try {
      if (this.#ended === null) {
        const entry = { statement: number, text, canonical: '', params, effects, refusal, reasons: [] }
        await this.#parts.recorder.append({ kind: 'refused', ...entry })
      }
    } catch {
      return { kind: 'refused', refusal: RECORDER_FAILED }
    }
    return { kind: 'refused', refusal }
  }

  /** Write-ahead: recorded, then cleared. A statement whose intent isn't durable does not exist upstream. */
  async #clear(
    number: number,
    judgement: Extract<Judgement, { kind: 'permitted' }>,
    params: readonly Parameter[],
    approval: string | null,
  ): Promise<Verdict> {
    const { facts, decision, account } = judgement
    try {
      await this.#parts.recorder.append(intentOf(number, account, params, approval))
    } catch {
      return { kind: 'refused', refusal: RECORDER_FAILED }
    }
    if (facts.searchPath === 'emptied') this.#hasSearchPath = false
    const statement = { dialect: this.target.dialect, text: judgement.rewritten, params }
    return {
      kind: 'cleared',
      cleared: new Cleared({ number, statement, facts, obligations: decision.obligations, approval }),
    }
  }
}

/** The gate's one error: what a caller who holds rows must not go on from. */
export class GateError extends Error {
  override readonly name = 'GateError'
  readonly code: 'RAW_COLUMN' | 'UNEXPECTED_ORIGIN'

  constructor(code: GateError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The schema as a session sees it whose names are only looked up in pg_catalog and where they say. */
const withoutSearchPath = (catalog: Catalog): Catalog => ({
  ...catalog,
  fingerprint: `${catalog.fingerprint} without a search path`,
  searchPath: [],
})

function maskRows(mask: MaskRow | null, rows: Cell[][]): void {
  if (mask === null) return
  for (const row of rows) mask(row)
}

const sessionEnded = (what: string, hint: string): Refusal => ({
  code: 'SESSION_ENDED',
  rule: null,
  message: `statement refused: ${what}`,
  hint,
  place: null,
  request: null,
})

const CATALOG_UNAVAILABLE: Refusal = {
  code: 'CATALOG_UNAVAILABLE',
  rule: null,
  message: "statement refused: the target's schema can't be read now, so nothing can be judged against it",
  hint: 'try again shortly; nothing was run',
  place: null,
  request: null,
}

const INSIDE_TRANSACTION: Refusal = {
  code: 'APPROVAL_INSIDE_TRANSACTION',
  rule: null,
  message: 'statement refused: it needs an approval, and a transaction is open whose locks would wait for a person',
  hint: 'end the transaction and send the statement by itself',
  place: null,
  request: null,
}

const RECORDER_FAILED: Refusal = {
  code: 'RECORDER_FAILED',
  rule: null,
  message: "statement refused: it can't be recorded now, and what isn't recorded isn't run",
  hint: "tell the gateway's operator; nothing was run",
  place: null,
  request: null,
}
