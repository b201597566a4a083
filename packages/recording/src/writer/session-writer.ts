import type { CloseReason, Dialect, Entry } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import { encodeCbor } from '../format/canonical-cbor.ts'
import { closeBody } from '../format/closing.ts'
import { FRAME_TYPES } from '../format/layout.ts'
import { type Moment, momentOf } from '../format/moment.ts'
import { type FrameContent, sealFrame } from '../format/seal.ts'
import { chunkId } from '../format/tail-format.ts'
import { BLOCK_BYTES_MAX, Block } from './block.ts'
import { boundedNotice, boundedOutcome } from './bounded-entry.ts'
import { LAG_MS_MAX } from './disk-watch.ts'
import { type BodyRules, bodiesOf, type EntryBodies, rowsMeta } from './entry-bodies.ts'
import type { SessionTap } from './entry-tap.ts'
import { isLight } from './intent-template.ts'
import { clearFramer, type Journal, stampOf } from './journal.ts'
import { isAftermath, Quota } from './quota.ts'
import { framesValue, isTooLarge, keepsFrames, type RowsEntry, rowsBytes, rowsPieces } from './rows-pieces.ts'
import { SecretStatements } from './secret-statements.ts'
import type { RecordingKeys, SessionContext } from './session-context.ts'
import type { Stager, Tail } from './tail.ts'

/** A live recording's head goes in the instance log at least every so many frames. */
const HEAD_FRAMES_MAX = 256
/** More rows than this have a frame of their own. */
const ROWS_IN_BLOCK_BYTES_MAX = 8_192

type Intent = Extract<Entry, { kind: 'intent' }>
type Outcome = Extract<Entry, { kind: 'completion' }>
type Notice = Extract<Entry, { kind: 'notice' }>

const TAKEN: Promise<void> = Promise.resolve()

/** Writes the account of one session. An idle one holds its file and its keys, and nothing else. */
export class SessionWriter implements Stager {
  readonly id: string
  readonly #journal: Journal
  readonly #keys: RecordingKeys
  readonly #context: SessionContext
  readonly #rules: BodyRules
  readonly #chunkId: Uint8Array
  #block: Block | null = null
  /** The tails that the block has entries in. */
  #blockTails: number[] = []
  /** An intent is staged that is to be in the tail within this turn. */
  #owesTail = false
  /** How many entries the recording's blocks have so far. */
  #blockEntries = 0
  readonly #quota: Quota
  readonly #tap: SessionTap | null
  /** Statements that may hold a secret: a server may quote it, and rows may have it. */
  readonly #secrets = new SecretStatements()
  /** So many frames have to be durable before an outcome may go to the tail: rows are in them. */
  #framesWithRows = 0
  /** How many tails had failed when it was opened. */
  readonly #tailFailures: number
  #loggedFrames: number
  #refusal: RecordingError | null = null
  #closing: Promise<void> | null = null

  constructor(
    recording: {
      readonly id: string
      readonly dialect: Dialect
      readonly journal: Journal
      readonly keys: RecordingKeys
      readonly tap: SessionTap | null
    },
    context: SessionContext,
  ) {
    this.id = recording.id
    this.#journal = recording.journal
    this.#keys = recording.keys
    this.#context = context
    this.#quota = new Quota(context.quotaBytes)
    this.#tap = recording.tap
    this.#chunkId = chunkId(recording.id)
    this.#tailFailures = context.tail?.failures ?? 0
    this.#loggedFrames = recording.journal.durable.frames
    const { redact, parameters } = context
    this.#rules = { dialect: recording.dialect, redact, parameters, digestKey: recording.keys.value.digest }
  }

  /** Resolves when the entry is as safe as its kind asks for; see docs/decisions/0006. */
  append(entry: Entry): Promise<void> {
    if (this.#closing !== null) {
      return Promise.reject(new RecordingError('CLOSED', 'the recording is closed; expected no more entries'))
    }
    try {
      this.#checkOpen(entry)
      return this.#take(entry)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #take(entry: Entry): Promise<void> {
    const { tail } = this.#context
    switch (entry.kind) {
      case 'completion':
        return this.#appendOutcome(boundedOutcome(entry))
      case 'rows':
        return this.#appendRows(entry)
      case 'notice':
        return this.#appendNotice(boundedNotice(entry))
      case 'intent':
        // Nor does the tail have it before it can have what came before: the outcome of the statement whose rows those are.
        if (tail?.isReady === true && !this.#isBehindRows && isLight(entry)) return this.#putIntent(entry, tail)
        return this.#appendDurably(entry)
      default:
        return this.#appendDurably(entry)
    }
  }

  close(reason: CloseReason): Promise<void> {
    this.#closing ??= this.#close(reason)
    return this.#closing
  }

  /** Puts what is staged in the tail's next batch. */
  putInTail(): void {
    this.#owesTail = false
    const { tail } = this.#context
    const chunk = this.#block?.encrypt() ?? null
    if (this.#block === null || chunk === null || tail === null) return
    this.#noteTail(tail, tail.put(this.#chunkId, this.#block.first, chunk))
  }

  /** Gives the block its frame, which is then on its way to the disk. Resolves when it is there. */
  seal(): Promise<void> {
    const block = this.#block
    if (block === null) return TAKEN
    if (this.#owesTail) this.#payTail()
    const tails = this.#blockTails
    this.#block = null
    this.#blockTails = []
    this.#context.tail?.unstage(this)
    this.#context.sealed(this)
    // An outcome that comes to the tail meanwhile could outlive them.
    if (block.hasNewRows) this.#framesWithRows = this.#journal.position.seq + 1
    block.encrypt()
    this.#blockEntries = block.first + block.entries
    if (block.entries === 0) return TAKEN
    const frame = clearFramer(this.#context.clock, this.#keys.meta)
    const written = this.#journal
      .append(frame(FRAME_TYPES.block, block.body(), 'more')(this.#journal.position))
      .then(() => {
        // Not where it failed: then the tail alone has them, and keeps them for the next start.
        for (const tail of tails) this.#context.tail?.release(tail)
      })
    // A failure shows on the next entry: the journal remembers it.
    written.catch(() => undefined)
    return written
  }

  /** A tail that failed meanwhile tells so to whoever waits for it. */
  #payTail(): void {
    try {
      this.putInTail()
    } catch {
      this.#owesTail = false
    }
  }

  /** Writes its head in the instance log, if it has grown. */
  logHead(): Promise<void> {
    const head = this.#journal.durable
    if (head.frames <= this.#loggedFrames || this.#context.log.failure() !== null) return TAKEN
    this.#loggedFrames = head.frames
    return this.#context.log.appendLazily({ kind: 'head', recording: this.id, head })
  }

  #checkOpen(entry: Entry): void {
    const { log, watch, shortage } = this.#context
    const failure = this.#journal.failure ?? log.failure()
    if (failure !== null) throw failure
    if (isAftermath(entry)) return
    // What a statement gives that was let run goes to the session's own file, as what becomes of it does.
    const isGiven = entry.kind === 'rows' || entry.kind === 'notice'
    // What was let run may be lost with the tail, so nothing new is.
    const refusal = (isGiven ? null : this.#tailFailure()) ?? this.#refusal
    if (refusal !== null) throw refusal
    if (entry.kind !== 'intent' && !isGiven) return
    const short = shortage()
    if (short !== null) throw short
    if (!isGiven && watch.lagMs() > LAG_MS_MAX) throw diskSlow(watch.lagMs())
  }

  /** Why a tail failed that may have had entries of this session, or null. */
  #tailFailure(): RecordingError | null {
    return this.#context.tail?.failureSince(this.#tailFailures) ?? null
  }

  /** The tail, where what nobody waits for may go to a block on its way there. */
  #tailToStageIn(): Tail | null {
    const { tail } = this.#context
    return tail?.isMade === true && this.#tailFailure() === null ? tail : null
  }

  #appendOutcome(entry: Outcome): Promise<void> {
    if (this.#context.durability === 'strict' || this.#tailFailure() !== null) return this.#appendDurably(entry)
    const tail = this.#tailToStageIn()
    // Never readable without the rows before it: a crash may take what isn't durable of the file, and leave the tail.
    if (tail === null || this.#isBehindRows) return this.#appendLazily(entry)
    const words = this.#wordsOf(entry)
    this.#stage(entry, tail, (block, moment) => block.addCompletion(entry, moment, words))
    this.#secrets.ended(entry.statement)
    return this.#sealWhenFull()
  }

  /** Whether rows are on their way to the disk in frames. */
  get #isBehindRows(): boolean {
    return this.#journal.durable.frames < this.#framesWithRows
  }

  /** The kernel has it when this returns. */
  #putIntent(entry: Intent, tail: Tail): Promise<void> {
    const template = this.#context.templateOf(entry, this.#rules.dialect)
    const block = this.#openBlock()
    block.addIntent(entry, template, momentOf(this.#context.clock), this.#rules)
    this.#checkQuota(block, entry)
    this.#secrets.began(entry, template.shape.sql)
    this.#tap?.entry(entry, this.#journal.position.seq, this.#rules)
    this.#owesTail = true
    const written = tail.stageNow(this)
    const sealed = this.#sealWhenFull()
    return sealed === TAKEN ? written : sealed
  }

  #appendNotice(entry: Notice): Promise<void> {
    const tail = this.#tailToStageIn()
    if (tail === null) {
      this.#journal.give(this.#frameFor(entry))
    } else {
      const words = this.#wordsOf(entry)
      this.#stage(entry, tail, (block, moment) => block.addNotice(entry, moment, words))
      void this.#sealWhenFull()
    }
    return this.#journal.room()
  }

  #appendRows(given: RowsEntry): Promise<void> {
    const entry: RowsEntry = this.#secrets.mayReturn(given.statement) ? { ...given, keep: 'secret' } : given
    const tail = this.#tailToStageIn()
    const isSmall = !keepsFrames(entry.keep) || entry.frames.length <= ROWS_IN_BLOCK_BYTES_MAX
    // Nor are rows without those before them.
    if (tail !== null && isSmall && !this.#isBehindRows) {
      this.#stage(entry, tail, (block, moment) => block.addRows(entry, moment, this.#rules))
      void this.#sealWhenFull()
    } else {
      this.#giveRows(entry)
    }
    return this.#journal.room()
  }

  /** Frames of rows alone, which the disk gets before long. Nothing of them is kept here but their ciphertext. */
  #giveRows(entry: RowsEntry): void {
    void this.seal()
    if (!this.#quota.take(entry, this.#journal.bytes + rowsBytes(entry))) throw this.#overQuota()
    const kept = isTooLarge(entry) ? 'too-large' : (entry.keep ?? 'frames')
    for (const piece of kept === 'frames' ? rowsPieces(entry) : [entry]) {
      const meta = rowsMeta(piece, kept, this.#rules)
      const value = kept === 'frames' ? framesValue(piece.frames) : null
      this.#tap?.entry(piece, this.#journal.position.seq, this.#rules)
      this.#journal.give(this.#sealed({ type: FRAME_TYPES.rows, meta, value }))
    }
    this.#framesWithRows = this.#journal.position.seq
    // A failed log shows on the next entry.
    this.#logHeadWhenFar().catch(() => undefined)
  }

  /** Puts an entry in the block, which goes to the tail with the session's next intent, or else within milliseconds. */
  #stage(entry: Entry, tail: Tail, add: (block: Block, moment: Moment) => void): void {
    const block = this.#openBlock()
    add(block, momentOf(this.#context.clock))
    this.#checkQuota(block, entry)
    this.#tap?.entry(entry, this.#journal.position.seq, this.#rules)
    tail.stage(this)
  }

  /** What the server said, where it can't quote a secret. */
  #wordsOf(entry: Outcome | Notice): string | null {
    if (this.#secrets.isNear(entry.statement)) return null
    if (entry.kind === 'notice') return entry.notice.message
    return entry.completion.kind === 'failed' ? (entry.completion.error?.message ?? null) : null
  }

  #openBlock(): Block {
    if (this.#block !== null) return this.#block
    this.#block = new Block(this.#blockEntries, this.#keys)
    this.#context.sealSoon(this)
    return this.#block
  }

  #checkQuota(block: Block, entry: Entry): void {
    if (this.#quota.take(entry, this.#journal.bytes + block.bytes)) return
    block.takeBack()
    throw this.#overQuota()
  }

  #overQuota(): RecordingError {
    this.#refusal ??= this.#quota.exceeded()
    return this.#refusal
  }

  #sealWhenFull(): Promise<void> {
    if (this.#block === null || this.#block.bytes < BLOCK_BYTES_MAX) return TAKEN
    const sealed = this.seal()
    // The disk sets the pace, not memory.
    return this.#journal.isFull ? sealed : TAKEN
  }

  #noteTail(tail: Tail, number: number): void {
    if (this.#blockTails.at(-1) === number) return
    this.#blockTails.push(number)
    tail.hold(number)
  }

  async #appendDurably(entry: Entry): Promise<void> {
    await this.#journal.append(this.#frameFor(entry))
    await this.#logHeadWhenFar()
  }

  async #appendLazily(entry: Entry): Promise<void> {
    await this.#journal.appendLazily(this.#frameFor(entry))
    await this.#logHeadWhenFar()
  }

  async #logHeadWhenFar(): Promise<void> {
    if (this.#journal.durable.frames - this.#loggedFrames >= HEAD_FRAMES_MAX) await this.logHead()
  }

  /** A frame of the entry's own, behind those that came before it. */
  #frameFor(entry: Entry): Buffer {
    const isQuoting = (entry.kind === 'completion' || entry.kind === 'notice') && this.#secrets.isNear(entry.statement)
    const bodies = bodiesOf(entry, this.#rules, isQuoting ? 'dropped' : 'kept')
    void this.seal()
    const { type, meta, value } = bodies
    const bytes = this.#sealed({ type, meta, value: value === null ? null : [encodeCbor(value)] })
    if (!this.#quota.take(entry, this.#journal.bytes + bytes.length)) throw this.#overQuota()
    this.#noteSecret(entry, bodies)
    this.#tap?.entry(entry, this.#journal.position.seq, this.#rules)
    return bytes
  }

  #sealed(content: Omit<FrameContent, 'stamp'>): Buffer {
    return sealFrame(this.#journal.position, { ...content, stamp: stampOf(this.#context.clock) }, this.#keys)
  }

  #noteSecret(entry: Entry, { sql }: EntryBodies): void {
    if (entry.kind === 'intent' && sql !== undefined) this.#secrets.began(entry, sql)
    if (entry.kind === 'completion') this.#secrets.ended(entry.statement)
  }

  async #close(reason: CloseReason): Promise<void> {
    const { log, clock } = this.#context
    const journal = this.#journal
    try {
      void this.seal()
      if (journal.failure === null) {
        await journal.appendFinal(({ seq, chain }) => {
          const body = closeBody({ reason, totalFrames: seq + 1, totalBytes: journal.bytes, chain })
          this.#tap?.closed(reason, seq)
          return clearFramer(clock, this.#keys.meta)(FRAME_TYPES.close, body, 'final')({ seq, chain })
        })
      }
      await journal.close()
    } catch (error) {
      await this.#logSuspect().catch(() => undefined)
      throw error
    }
    if (this.#tailFailure() !== null) await this.#logSuspect()
    await log.append({ kind: 'closed', recording: this.id, head: journal.durable })
    this.#context.closed(this)
  }

  #logSuspect(): Promise<void> {
    return this.#context.log.append({ kind: 'suspect', recording: this.id, head: this.#journal.durable })
  }
}

/** Not for good: what comes when the disk has caught up is taken. */
export const diskSlow = (lagMs: number): RecordingError =>
  new RecordingError(
    'DISK_SLOW',
    `the disk of the recordings has been writing for ${Math.round(lagMs)} ms; expected at most ${LAG_MS_MAX}: nothing new is taken until it has caught up`,
  )
