import type { Session } from '@querywarden/policy-core'
import { BACKEND, type FrameScanner, HEADER_BYTES } from '@querywarden/wire/postgres'
import { desync } from './conversation-error.ts'
import { CopyOut } from './copy-out.ts'
import { type Expected, type Running, recordedOf } from './expected.ts'
import type { LimitWatch } from './limit-watch.ts'
import { maskedRow } from './masked-row.ts'
import type { Outbox } from './outbox.ts'
import { PassingFrame } from './passing-frame.ts'
import { RowRun } from './row-run.ts'
import { isWholeRow } from './row-shape.ts'
import { countRows, roomOf } from './statement-limits.ts'

/** A result's rows on their way to the client: checked for their shape, counted, masked. */
export class ResultRows {
  readonly #outbox: Outbox
  readonly #limits: LimitWatch
  readonly #run = new RowRun()
  #passing: PassingFrame | null = null
  #copy: CopyOut | null = null

  constructor(outbox: Outbox, limits: LimitWatch) {
    this.#outbox = outbox
    this.#limits = limits
  }

  /** The client has a part of a message: nothing but the rest of it would be understood. */
  get isMidFrame(): boolean {
    return this.#passing?.isShown === true
  }

  /** Takes the whole row at hand, and those behind it. @throws {ConversationError} it isn't one of this result */
  row(running: Running, scanner: FrameScanner): void {
    const { bytes, start, end } = scanner
    const { mask, columns } = running.portal
    if (!isWholeRow(bytes, start + HEADER_BYTES, end, columns?.length ?? 0)) desync(scanner.tag)
    if (!this.#limits.admits(running, end - start)) return
    const recorded = recordedOf(running)
    if (mask?.kind === 'cells') {
      this.#outbox.put(maskedRow(mask.mask, scanner.body), recorded, 1)
      return
    }
    this.#goOn(running, scanner)
    this.#outbox.rows(mask === null ? null : mask.mask, bytes, start, scanner.end, recorded, 1 + this.#run.rows)
  }

  /** Takes the rows behind the one at hand that the client may have, and none else. */
  #goOn(running: Running, scanner: FrameScanner): void {
    const { bytes, end } = scanner
    const run = this.#run
    run.follow(bytes, end, {
      ...roomOf(running),
      columns: running.portal.columns?.length ?? 0,
      frameBytesMax: scanner.frameBytesMax,
    })
    if (run.rows === 0) return
    countRows(running, run.rows, run.end - end)
    scanner.extendTo(run.end)
  }

  /** Whether a large frame may go to the client in parts: nobody has to look into it as a whole. */
  mayPass(head: Expected | undefined, tag: number): boolean {
    if (head?.kind !== 'execute') return false
    const { portal, cleared } = head.running
    if (tag === BACKEND.copyData) return cleared.facts.copy === 'out'
    return tag === BACKEND.dataRow && portal.columns !== null && portal.mask === null
  }

  /** Takes the part at hand. The first one's place has been checked. @throws {ConversationError} it isn't a row's */
  part(running: Running, scanner: FrameScanner): void {
    const { part, tag, total } = scanner
    if (part === 'first') {
      const columns = tag === BACKEND.dataRow ? (running.portal.columns?.length ?? 0) : null
      this.#passing = new PassingFrame(columns, this.#limits.admits(running, total))
    }
    if (this.#passing?.pass(scanner, this.#outbox, recordedOf(running)) !== true) desync(tag)
    if (part === 'last') this.#passing = null
  }

  /** The data of a COPY begins. @param body - Of the CopyOutResponse @throws {ConversationError} it isn't what was described */
  copyOut(session: Session, running: Running, body: Uint8Array): void {
    this.#copy = new CopyOut(session, running, body, this.#outbox)
  }

  /** Takes the CopyData at hand, or a part of a large one. */
  copyRow(running: Running, scanner: FrameScanner): void {
    const { part, total } = scanner
    if (part !== 'whole' && this.#copy?.keepsFrames === true) this.part(running, scanner)
    else if (part === 'whole' || part === 'first' ? this.#limits.admits(running, total) : running.stopped === null)
      this.#copy?.pass(scanner)
  }

  /** The server has sent all data. */
  copyEnd(running: Running): void {
    if (running.stopped === null) this.#copy?.finish()
  }

  /** The statement is answered. */
  end(): void {
    this.#copy = null
  }
}
