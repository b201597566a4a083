import type { Catalog } from '../catalog.ts'
import type { Refusal } from '../decision.ts'
import type { CloseReason, Completion, ServerMessage } from '../entry.ts'
import type {
  Approver,
  CatalogSource,
  Cell,
  Clock,
  Estimator,
  MaskCopy,
  PolicySource,
  ResultColumn,
  SessionRecorder,
  Watcher,
} from '../hooks.ts'
import type { Instant, Principal } from '../principal.ts'
import type { Parameter } from '../statement.ts'
import type { Target } from '../target.ts'
import { type Asked, askPerson, isAsAsked } from './ask-person.ts'
import { type Circumstances, surroundingsIn } from './circumstances.ts'
import { Cleared } from './cleared.ts'
import { countLookups } from './count-lookups.ts'
import { estimateRows, permittingEdge } from './estimate-rows.ts'
import { GateError } from './gate-error.ts'
import { canaryIn, maskRows } from './held-rows.ts'
import { intentOf, type JudgeHooks, type Judgement, judge } from './judge.ts'
import { JudgementCache } from './judgement-cache.ts'
import { ReceivedRows, type RowBatch, takeCells } from './received-rows.ts'
import { recordRefusal, recordUnjudged } from './record-refusal.ts'
import {
  type ColumnOrigin,
  copyMask,
  type FramesRevelation,
  hasToHide,
  type RawRevelation,
  type Revelation,
  rawAmong,
  reveal,
  revealFrames,
} from './reveal.ts'
import { Rulings } from './rulings.ts'
import { CATALOG_UNAVAILABLE, CHANGED_WHILE_WAITING, RECORDER_FAILED, sessionEnded } from './session-refusals.ts'
import type { StatementMeter } from './statement-meter.ts'

/** The gate's answer for one statement. */
export type Verdict =
  | { readonly kind: 'cleared'; readonly cleared: Cleared }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What a text was judged to be, or that nothing can be judged now. */
export type Judged = Judgement | { readonly kind: 'unavailable'; readonly refusal: Refusal }

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
  /** Counts statements over all sessions of the gate. */
  readonly meter: StatementMeter
  /** Absent: no estimate is ever known. */
  readonly estimate?: Estimator | undefined
  /** Absent: nothing is looked for. */
  readonly watch?: Watcher | undefined
}

export interface GateLimits {
  /** How many judgements a session remembers. */
  readonly judgementsMax: number
  /** The longest text, in UTF-16 code units, whose judgement is remembered. */
  readonly judgedCharsMax: number
  /** Of how many people on one target each the gate counts statements, where the policy limits their number. Default 10 000. */
  readonly countedMax?: number
}

/** One principal on one target, from login to close. */
export class Session {
  readonly id: string
  readonly principal: Principal
  readonly target: Target
  readonly #parts: SessionParts
  readonly #judgements: JudgementCache
  readonly #received: ReceivedRows
  #statements = 0
  #ended: CloseReason | null = null
  /** Never true again: should the database roll the change back, names are only found in fewer places than it would. */
  #hasSearchPath = true

  constructor(parts: SessionParts) {
    this.id = parts.id
    this.principal = parts.principal
    this.target = parts.target
    this.#parts = parts
    this.#received = new ReceivedRows(parts.recorder)
    this.#judgements = new JudgementCache(this, {
      entriesMax: parts.limits.judgementsMax,
      textCharsMax: parts.limits.judgedCharsMax,
    })
  }

  /**
   * Judges a text without running it: what a prepared statement needs before its parameters are known. It is judged again
   * when it is submitted, and what its rules ask of its circumstances is asked then too. Until the planner is asked, it
   * may say whatever lets the statement run.
   *
   * @param run - was cleared of this text and goes on: what the planner said of it then holds
   */
  async judge(text: string, circumstances: Circumstances = {}, run: Cleared | null = null): Promise<Judged> {
    const judged = await this.#judge(text, circumstances, run?.estimatedRows ?? null)
    if (run !== null || judged.kind !== 'refused' || judged.facts.kind === 'opaque') return judged
    if (this.#parts.estimate === undefined || circumstances.parametersInDoubt === true) return judged
    const standing = this.#parts.policy().for(this.principal, this.target, this.#now())
    const edge = permittingEdge(standing, judged.facts, surroundingsIn(circumstances, standing, null))
    return edge === null ? judged : this.#judge(text, circumstances, edge)
  }

  async #judge(text: string, circumstances: Circumstances, estimatedRows: number | null): Promise<Judged> {
    const catalog = await this.#catalog()
    if (catalog === null) return { kind: 'unavailable', refusal: CATALOG_UNAVAILABLE }
    // Read once: one statement is judged by one policy, whatever takes its place meanwhile (threats F6, F33).
    const policy = this.#parts.policy()
    const standing = policy.for(this.principal, this.target, this.#now())
    const by = { policy, standing, surroundings: surroundingsIn(circumstances, standing, estimatedRows) }
    const codeInDoubt = circumstances.codeInDoubt === true
    const make = (rulings: Rulings): Judgement | Promise<Judgement> =>
      judge(this.#parts, rulings, this.target, text, catalog, codeInDoubt)
    // An estimate is one of a run: another one may be of other parameters, or of more rows.
    return estimatedRows === null && !codeInDoubt
      ? this.#judgements.get(by, catalog.fingerprint, text, make)
      : make(new Rulings(by, this))
  }

  /** Judges, waits for a person if it must, records, clears. Never throws: what fails is refused. */
  async submit(
    statement: { readonly text: string; readonly params?: readonly Parameter[] },
    circumstances: Circumstances = {},
  ): Promise<Verdict> {
    const number = ++this.#statements
    const { text, params = [] } = statement
    const unfit = this.#whyUnfit() ?? this.#whyTooMany()
    if (unfit !== null) return this.#refuseUnjudged(number, text, params, unfit)

    const first = await this.#judge(text, circumstances, null)
    const rows = this.#parts.estimate === undefined ? null : await this.#estimate(first, params, circumstances)
    const judgement = rows === null ? first : await this.#judge(text, circumstances, rows)
    if (judgement.kind === 'unavailable') return this.#refuseUnjudged(number, text, params, judgement.refusal)
    if (judgement.kind === 'refused') return this.#refuse(number, judgement, params, judgement.refusal)

    if (judgement.decision.kind === 'allow') return this.#charge(number, judgement, params, null, rows)
    const asked = { number, judgement, decision: judgement.decision, params, circumstances, estimatedRows: rows }
    const settled = await askPerson({ ...this.#parts, whyChanged: () => this.#whyChanged(asked) }, asked)
    if (settled.kind === 'refused') return this.#refuse(number, judgement, params, settled.refusal)

    return this.#charge(number, judgement, params, settled.request, rows)
  }

  /** Each value that is looked up in a masked column is a guess: it is counted before the statement is cleared, every time. */
  #charge(
    number: number,
    judgement: Extract<Judgement, { kind: 'permitted' }>,
    params: readonly Parameter[],
    approval: string | null,
    estimatedRows: number | null,
  ): Promise<Verdict> {
    if (judgement.lookups.length > 0) {
      const { principal, target } = this
      const identities = principal.actor === null ? [principal] : [principal, principal.actor]
      const counted = countLookups(judgement.lookups, params)
      const refusal = 'code' in counted ? counted : this.#parts.meter.takeLookups(identities, target.name, counted)
      if (refusal !== null) return this.#refuse(number, judgement, params, refusal)
    }
    return this.#clear(number, judgement, params, approval, estimatedRows)
  }

  /** Checks a result's columns and prepares its masks. See {@link Revelation}. */
  reveal(cleared: Cleared, columns: readonly ResultColumn[]): Revelation {
    return reveal(this.#parts.mask.rows, cleared, columns)
  }

  /** The same for rows on the wire. */
  revealFrames(cleared: Cleared, columns: readonly ResultColumn[]): FramesRevelation {
    return revealFrames(this.#parts.mask, cleared, columns)
  }

  /** The same for what COPY … TO STDOUT gives, by the origins that the server says its query has; null where all is well. */
  revealCopy(cleared: Cleared, columns: readonly ColumnOrigin[]): RawRevelation | null {
    return rawAmong(cleared, columns)
  }

  /** Whether the server must be asked what a COPY … TO STDOUT gives, and `revealCopy` about that, before its data goes out. */
  looksBehindCopy(cleared: Cleared): boolean {
    return cleared.facts.copy === 'out' && hasToHide(cleared)
  }

  /** What must look into the data of a COPY, of these columns if they are known, before it goes out; null where nothing must. */
  copyMask(cleared: Cleared, columns: readonly ResultColumn[] | null = null): MaskCopy | null {
    return copyMask(this.#parts.mask, cleared, columns)
  }

  /** Records what became of a cleared statement. Resolves when the recorder has taken it. */
  finish(cleared: Cleared, completion: Completion): Promise<void> {
    return this.#parts.recorder.append({ kind: 'completion', statement: cleared.number, completion })
  }

  /**
   * Records rows as the client receives them, in masks, as far as `cleared.obligations.rows` asks for it; nothing without it.
   * Numbers them through the statement's result, so each is given once and in order. Resolves when the recorder can take
   * more, and rejects when it can't: then the rows may not be shown, and the session ends. `release` does it by itself.
   *
   * @example
   * for await (const { frames, rows } of chunksOf(upstream)) {
   *   await session.rows(cleared, { frames, rows, columns })
   *   client.write(frames)
   * }
   */
  rows(cleared: Cleared, batch: RowBatch): Promise<void> {
    return this.#received.take(cleared, batch)
  }

  /** Records what the server says while a statement runs, or outside of any, in the words that the client is shown. */
  notice(cleared: Cleared | null, notice: ServerMessage): Promise<void> {
    return this.#parts.recorder.append({ kind: 'notice', statement: cleared?.number ?? null, notice })
  }

  /**
   * The second check, the recording of its rows and the closing entry in one, for a caller that holds a whole result.
   * @throws {GateError} `RAW_COLUMN`, `UNEXPECTED_ORIGIN`: a column arrived that should have been masked, or from somewhere
   * else; `CANARY`: a value is in it that must never leave the target. Nothing of it may be shown.
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
    const canary = canaryIn(this.#parts.watch, this.target, result.rows)
    if (canary !== null) {
      await this.incident(cleared, 'CANARY', `canary \`${canary}\` was on its way to the client`)
      throw new GateError('CANARY', 'result dropped: it holds a value that must never leave the database')
    }
    await takeCells(this.#received, cleared, result.columns, result.rows)
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
    // A clock that fails tells no time before the end of the token either.
    if (!(this.#now() < this.principal.expiresAt)) {
      return sessionEnded('the token of this session has expired', 'log in with a new token')
    }
    return null
  }

  /** No number where the clock fails: then nothing is allowed that depends on the time. */
  #now(): Instant {
    try {
      return this.#parts.clock.now()
    } catch {
      return Number.NaN
    }
  }

  #whyTooMany(): Refusal | null {
    const { policy, meter } = this.#parts
    return meter.take(policy().for(this.principal, this.target, this.#now()).rates, this.target.name)
  }

  /** How many rows the planner expects, where an answer depends on it and it may be asked; null where that isn't so. */
  async #estimate(judged: Judged, params: readonly Parameter[], circumstances: Circumstances): Promise<number | null> {
    const { estimate, policy } = this.#parts
    const standing = policy().for(this.principal, this.target, this.#now())
    if (estimate === undefined || standing.estimateEdges.length === 0) return null
    if (judged.kind === 'unavailable' || judged.facts.kind === 'opaque') return null
    if (circumstances.parametersInDoubt === true) return null
    const catalog = await this.#catalog()
    if (catalog === null) return null
    return estimateRows(this.#parts, {
      estimate,
      facts: judged.facts,
      text: judged.text,
      params,
      catalog,
      standing,
      surroundings: surroundingsIn(circumstances, standing, null),
      session: this.id,
      target: this.target,
      signal: circumstances.signal ?? new AbortController().signal,
    })
  }

  async #catalog(): Promise<Catalog | null> {
    try {
      const catalog = await this.#parts.catalog(this.target)
      return this.#hasSearchPath ? catalog : withoutSearchPath(catalog)
    } catch {
      return null
    }
  }

  /** A person approved a statement as it was understood then. Time passed; is it still the same statement? */
  async #whyChanged({ judgement, circumstances, estimatedRows }: Asked): Promise<Refusal | null> {
    const unfit = this.#whyUnfit()
    if (unfit !== null) return unfit
    return isAsAsked(judgement, await this.#judge(judgement.text, circumstances, estimatedRows))
      ? null
      : CHANGED_WHILE_WAITING
  }

  async #refuse(
    number: number,
    judgement: Judgement,
    params: readonly Parameter[],
    refusal: Refusal,
  ): Promise<Verdict> {
    return { kind: 'refused', refusal: await recordRefusal(this.#parts.recorder, number, judgement, params, refusal) }
  }

  /** What wasn't even judged is recorded too, while there is a recording to write to. */
  async #refuseUnjudged(
    number: number,
    text: string,
    params: readonly Parameter[],
    refusal: Refusal,
  ): Promise<Verdict> {
    if (this.#ended !== null) return { kind: 'refused', refusal }
    return { kind: 'refused', refusal: await recordUnjudged(this.#parts.recorder, number, text, params, refusal) }
  }

  /** Write-ahead: recorded, then cleared. A statement whose intent isn't durable does not exist upstream. */
  async #clear(
    number: number,
    judgement: Extract<Judgement, { kind: 'permitted' }>,
    params: readonly Parameter[],
    approval: string | null,
    estimatedRows: number | null,
  ): Promise<Verdict> {
    const { facts, decision, account, maskedColumns } = judgement
    const { recorder, clock } = this.#parts
    let clearedMs: number
    try {
      await recorder.append(intentOf(number, account, params, approval))
      clearedMs = clock.monotonic()
    } catch {
      return { kind: 'refused', refusal: RECORDER_FAILED }
    }
    if (facts.searchPath === 'emptied') this.#hasSearchPath = false
    const statement = { dialect: this.target.dialect, text: judgement.rewritten, params }
    return {
      kind: 'cleared',
      cleared: new Cleared({
        number,
        statement,
        facts,
        obligations: decision.obligations,
        maskedColumns,
        approval,
        estimatedRows,
        clearedMs,
      }),
    }
  }
}

/** The schema as a session sees it whose names are only looked up in pg_catalog and where they say. */
const withoutSearchPath = (catalog: Catalog): Catalog => ({
  ...catalog,
  fingerprint: `${catalog.fingerprint} without a search path`,
  searchPath: [],
})
