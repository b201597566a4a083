import { BACKEND, type FrameScanner, HEADER_BYTES } from '@querywarden/wire/postgres'
import { desync } from './conversation-error.ts'
import type { Expected, Running } from './expected.ts'
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
    if (mask?.kind === 'cells') {
      this.#outbox.put(maskedRow(mask.mask, scanner.body))
      return
    }
    this.#goOn(running, scanner)
    if (mask === null) this.#outbox.keep(bytes, start, scanner.end)
    else this.#outbox.mask(mask.mask, bytes, start, scanner.end)
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
    if (this.#passing?.pass(scanner, this.#outbox) !== true) desync(tag)
    if (part === 'last') this.#passing = null
  }
}
