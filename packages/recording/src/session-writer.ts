import type { Clock, CloseReason, Dialect, Entry } from '@querywarden/policy-core'
import { Block } from './block.ts'
import { closeBody } from './closing.ts'
import { BATCH_BYTES_MAX } from './commit-queue.ts'
import { type DiskWatch, LAG_MS_MAX } from './disk-watch.ts'
import { type BodyRules, bodiesOf, type ParameterRecording } from './entry-bodies.ts'
import { RecordingError } from './errors.ts'
import type { InstanceLog } from './instance-log.ts'
import { type IntentTemplate, isLight } from './intent-template.ts'
import { clearFramer, framer, type Journal } from './journal.ts'
import type { MetaKeys, ValueKeys } from './keys.ts'
import { FRAME_TYPES } from './layout.ts'
import { momentOf } from './moment.ts'
import type { Redactor } from './remember-redactions.ts'
import type { Stager, Tail } from './tail.ts'
import { chunkId } from './tail-format.ts'

/** A live recording's head goes in the instance log at least every so many frames. */
const HEAD_FRAMES_MAX = 256
/**
 * Kept free within the quota: for the outcome of each statement that was let run (a frame of its own, with strings of
 * {@link boundedOutcome}), for incidents and cancels, and for the closing frame.
 */
const OUTCOME_RESERVE_BYTES = 768
const INCIDENTS_RESERVE_BYTES = 4_096
const CLOSE_RESERVE_BYTES = 512

/** `standard`: outcomes are durable within milliseconds. `strict`: an outcome's append waits until it is durable. */
export type Durability = 'standard' | 'strict'

export interface RecordingKeys {
  readonly meta: MetaKeys
  readonly value: ValueKeys
}

/** What all sessions of a recorder share. */
export interface SessionContext {
  readonly durability: Durability
  readonly parameters: ParameterRecording
  readonly quotaBytes: number
  readonly clock: Clock
  readonly log: InstanceLog
  readonly watch: DiskWatch
  /** Why no statement may begin now, as the disk was found last, or null. */
  readonly shortage: () => RecordingError | null
  /** Null where every entry waits for the disk. */
  readonly tail: Tail | null
  readonly redact: Redactor
  readonly templateOf: (intent: Extract<Entry, { kind: 'intent' }>, dialect: Dialect) => IntentTemplate
  /** Has {@link SessionWriter.seal} called before long. */
  readonly sealSoon: (writer: SessionWriter) => void
  readonly sealed: (writer: SessionWriter) => void
  readonly closed: (writer: SessionWriter) => void
}

type Outcome = Extract<Entry, { kind: 'completion' }>

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
  /** How many entries the recording's blocks have so far. */
  #blockEntries = 0
  /** Statements that were let run, and whose outcome isn't known yet. */
  #running = 0
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
    },
    context: SessionContext,
  ) {
    this.id = recording.id
    this.#journal = recording.journal
    this.#keys = recording.keys
    this.#context = context
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
      const { tail } = this.#context
      if (entry.kind === 'completion') return this.#appendOutcome(boundedOutcome(entry))
      if (entry.kind === 'intent' && tail !== null && tail.isReady && isLight(entry)) {
        return this.#putIntent(entry, tail)
      }
      return this.#appendDurably(entry)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  close(reason: CloseReason): Promise<void> {
    this.#closing ??= this.#close(reason)
    return this.#closing
  }

  /** Puts what is staged in the tail's next batch. */
  putInTail(): void {
    const { tail } = this.#context
    const chunk = this.#block?.encrypt() ?? null
    if (this.#block === null || chunk === null || tail === null) return
    this.#noteTail(tail, tail.put(this.#chunkId, this.#block.first, chunk))
  }

  /** Gives the block its frame, which is then on its way to the disk. Resolves when it is there. */
  seal(): Promise<void> {
    const block = this.#block
    if (block === null) return TAKEN
    const tails = this.#blockTails
    this.#block = null
    this.#blockTails = []
    this.#context.tail?.unstage(this)
    this.#context.sealed(this)
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
    // What was let run may be lost with the tail, so nothing new is. What became of it still has a file to go to.
    const refusal = this.#tailFailure() ?? this.#refusal
    if (refusal !== null) throw refusal
    if (entry.kind !== 'intent') return
    if (watch.lagMs() > LAG_MS_MAX) throw diskSlow(watch.lagMs())
    const short = shortage()
    if (short !== null) throw short
  }

  /** Why a tail failed that may have had entries of this session, or null. */
  #tailFailure(): RecordingError | null {
    return this.#context.tail?.failureSince(this.#tailFailures) ?? null
  }

  #appendOutcome(entry: Outcome): Promise<void> {
    const { tail, durability } = this.#context
    if (durability === 'strict' || this.#tailFailure() !== null) return this.#appendDurably(entry)
    return tail?.isMade === true ? this.#stageOutcome(entry, tail) : this.#appendLazily(entry)
  }

  /** The kernel has it when this returns. */
  #putIntent(entry: Extract<Entry, { kind: 'intent' }>, tail: Tail): Promise<void> {
    const template = this.#context.templateOf(entry, this.#rules.dialect)
    const block = this.#openBlock()
    block.addIntent(entry, template, momentOf(this.#context.clock), this.#rules)
    this.#checkQuota(block, entry)
    this.putInTail()
    tail.write()
    return this.#sealWhenFull(block)
  }

  /** It goes to the tail with the session's next intent, or else within milliseconds. */
  #stageOutcome(entry: Outcome, tail: Tail): Promise<void> {
    const block = this.#openBlock()
    block.addCompletion(entry, momentOf(this.#context.clock))
    this.#checkQuota(block, entry)
    tail.stage(this)
    return this.#sealWhenFull(block)
  }

  #openBlock(): Block {
    if (this.#block !== null) return this.#block
    this.#block = new Block(this.#blockEntries, this.#keys)
    this.#context.sealSoon(this)
    return this.#block
  }

  #checkQuota(block: Block, entry: Entry): void {
    if (this.#hasRoomFor(entry, block.bytes)) return
    block.takeBack()
    this.#refusal ??= quotaExceeded(this.#context.quotaBytes)
    throw this.#refusal
  }

  /** Whether the entry fits in the quota together with what must follow it. Counts it as taken if so. */
  #hasRoomFor(entry: Entry, bytes: number): boolean {
    const running = this.#running + (entry.kind === 'intent' ? 1 : 0)
    let reserve = CLOSE_RESERVE_BYTES
    // An incident doesn't take the room of outcomes; an outcome takes what was kept for it.
    if (entry.kind !== 'completion') reserve += running * OUTCOME_RESERVE_BYTES
    if (!isAftermath(entry)) reserve += INCIDENTS_RESERVE_BYTES
    if (this.#journal.bytes + bytes + reserve > this.#context.quotaBytes) return false
    this.#running = entry.kind === 'completion' ? Math.max(0, running - 1) : running
    return true
  }

  #sealWhenFull(block: Block): Promise<void> {
    if (block.bytes < BATCH_BYTES_MAX) return TAKEN
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
    if (this.#journal.durable.frames - this.#loggedFrames >= HEAD_FRAMES_MAX) await this.logHead()
  }

  async #appendLazily(entry: Entry): Promise<void> {
    await this.#journal.appendLazily(this.#frameFor(entry))
    if (this.#journal.durable.frames - this.#loggedFrames >= HEAD_FRAMES_MAX) await this.logHead()
  }

  /** A frame of the entry's own, behind those that came before it. */
  #frameFor(entry: Entry): Buffer {
    const bodies = bodiesOf(entry, this.#rules)
    void this.seal()
    const frame = framer(this.#context.clock, this.#keys)
    const bytes = frame(bodies.type, bodies)(this.#journal.position)
    if (this.#hasRoomFor(entry, bytes.length)) return bytes
    this.#refusal ??= quotaExceeded(this.#context.quotaBytes)
    throw this.#refusal
  }

  async #close(reason: CloseReason): Promise<void> {
    const { log, clock } = this.#context
    const journal = this.#journal
    try {
      void this.seal()
      if (journal.failure === null) {
        const { seq, chain } = journal.position
        const body = closeBody({ reason, totalFrames: seq + 1, totalBytes: journal.bytes, chain })
        await journal.append(clearFramer(clock, this.#keys.meta)(FRAME_TYPES.close, body, 'final')(journal.position))
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

/** What comes of statements that were let run: taken as long as the session's own file takes anything. */
const isAftermath = (entry: Entry): boolean =>
  entry.kind === 'completion' || entry.kind === 'incident' || entry.kind === 'cancel-requested'

/** Characters; in UTF-8 up to three times as many bytes. */
const OUTCOME_TEXT_MAX = 128

/** A database names its outcomes in a few characters; one that doesn't must not take the room of others. */
function boundedOutcome(entry: Outcome): Outcome {
  const { completion } = entry
  switch (completion.kind) {
    case 'done':
      return isShort(completion.tag) ? entry : { ...entry, completion: { ...completion, tag: cut(completion.tag) } }
    case 'failed':
      return isShort(completion.sqlstate)
        ? entry
        : { ...entry, completion: { ...completion, sqlstate: cut(completion.sqlstate) } }
    case 'cancelled':
    case 'not-run':
    case 'unknown':
      return isShort(completion.why) ? entry : { ...entry, completion: { ...completion, why: cut(completion.why) } }
  }
}

const isShort = (text: string): boolean => text.length <= OUTCOME_TEXT_MAX
const cut = (text: string): string => `${text.slice(0, OUTCOME_TEXT_MAX - 1)}…`

const quotaExceeded = (quotaBytes: number): RecordingError =>
  new RecordingError(
    'QUOTA_EXCEEDED',
    `the recording of this session has reached its quota of ${quotaBytes} bytes: the session ends; open another`,
  )

/** Not for good: what comes when the disk has caught up is taken. */
export const diskSlow = (lagMs: number): RecordingError =>
  new RecordingError(
    'DISK_SLOW',
    `the disk of the recordings has been writing for ${Math.round(lagMs)} ms; expected at most ${LAG_MS_MAX}: nothing new is taken until it has caught up`,
  )
