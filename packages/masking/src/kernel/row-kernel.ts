import type { ColumnAction } from '../data-row/column-action.ts'
import { dataRowMasker } from '../data-row/data-row-masker.ts'
import { malformedRow } from '../data-row/malformed-row.ts'
import { OutputBuffer } from '../data-row/output-buffer.ts'
import { type KernelExports, kernelInstance } from './kernel-instance.ts'
import { type KernelPlan, kernelPlan, PLAN_START, SLACK_BYTES, STEP_BYTES } from './kernel-plan.ts'

/** Masks the rows of one result. */
export interface KernelMasker {
  /**
   * Gives `source[start, end)`, whole DataRow frames, masked: a view that is good until its kernel is used again, or
   * `source` itself where nothing changes. Throws `MALFORMED_ROW` for anything that isn't exactly that.
   */
  readonly mask: (source: Uint8Array, start: number, end: number) => Uint8Array
}

const PAGE_BYTES = 65_536
/** Rows beyond that are masked without the kernel, which is no slower for rows so large. */
const INPUT_BYTES_MAX = 1024 * 1024
const MEMORY_BYTES_MAX = 4 * 1024 * 1024
/** MaxAllocSize (src/include/utils/memutils.h): no row of a server exceeds it, so no masked ones should. */
const OUTPUT_BYTES_MAX = 0x3fffffff
/** What is kept between calls of what one large value needed. */
const SCRATCH_BYTES_KEPT_MAX = 1024 * 1024

/** The words at the start of the memory, as row-kernel.wat names them. */
const WORD = {
  at: 0,
  rowEnd: 4,
  kept: 8,
  out: 12,
  header: 16,
  step: 20,
  isChanged: 24,
  isAnyChanged: 28,
  inputEnd: 32,
  outputEnd: 36,
  columns: 40,
  firstStep: 44,
  cellStart: 48,
  cellEnd: 52,
} as const
/** What `run` gives: from `MALFORMED_FIRST` on, positions in {@link MALFORMED}. */
const STATUS = { done: 0, full: 1, ask: 2 } as const
const MALFORMED_FIRST = 3
const MALFORMED = ['message', 'length', 'column count', 'column', 'column length', 'row'] as const

/**
 * Masks DataRow frames by a small WebAssembly module with a memory of its own, several times as fast as
 * {@link dataRowMasker}, which says the same in plain code and does what doesn't fit here. A masker may be used only while
 * no view of the same kernel is needed any more: one kernel for each stream that is worked on, or for all of a thread whose
 * views are copied at once.
 *
 * The memory holds raw rows from a call on until later calls overwrite them, as any buffer of a socket does. It grows to
 * 4 MiB at most and never shrinks. What is given out is a view of the masked rows: hand on its bytes, never its `buffer`.
 *
 * @example
 * ```ts
 * const kernel = new RowKernel()
 * const masker = kernel.masker(columnActions(columns, plan))
 * const shown = masker.mask(chunk, rowsStart, rowsEnd)
 * socket.write(shown === chunk ? chunk.subarray(rowsStart, rowsEnd) : shown.slice())
 * ```
 */
export class RowKernel {
  readonly #exports: KernelExports
  #bytes: Uint8Array
  #view: DataView
  /** What the memory holds now. */
  #plan: KernelPlan | null = null
  #scratch = emptyScratch()

  constructor() {
    this.#exports = kernelInstance()
    this.#bytes = new Uint8Array(this.#exports.memory.buffer)
    this.#view = new DataView(this.#exports.memory.buffer)
  }

  /** Prepares the rewriting of a result's rows, one action a column. */
  masker(actions: readonly ColumnAction[]): KernelMasker {
    const plan = kernelPlan(actions)
    const plain = dataRowMasker(actions)
    const maskPlain = (source: Uint8Array, start: number, end: number): Uint8Array => {
      const target = new OutputBuffer({ bytesInitial: end - start + PAGE_BYTES, bytesMax: OUTPUT_BYTES_MAX })
      return plain.maskChanged(source, start, end, target) ? target.bytes.subarray(0, target.length) : source
    }
    return {
      mask: (source, start, end) => {
        if (!(start >= 0 && start <= end && end <= source.length)) throw malformedRow('range')
        if (plan === null || end - start > INPUT_BYTES_MAX) return maskPlain(source, start, end)
        return this.#mask(plan, source, start, end) ?? maskPlain(source, start, end)
      },
    }
  }

  /** Null where the memory can't hold what is shown. */
  #mask(plan: KernelPlan, source: Uint8Array, start: number, end: number): Uint8Array | null {
    const input = plan.end + SLACK_BYTES
    const inputEnd = input + end - start
    const output = inputEnd + SLACK_BYTES
    if (!this.#reserve(output + (end - start) + PAGE_BYTES)) return null
    if (this.#plan !== plan) {
      for (const { at, piece } of plan.pieces) this.#bytes.set(piece, at)
      this.#plan = plan
    }
    this.#bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), input)

    this.#start(plan, input, inputEnd, output)
    for (;;) {
      const status = this.#exports.run()
      if (status === STATUS.done) break
      if (status >= MALFORMED_FIRST) throw malformedRow(MALFORMED[status - MALFORMED_FIRST] ?? 'message')
      if (status === STATUS.ask && this.#answer(plan, source, start - input)) continue
      if (!this.#reserve(this.#bytes.length * 2)) return null
      this.#start(plan, input, inputEnd, output)
    }
    if (this.#view.getInt32(WORD.isAnyChanged, true) === 0) return source
    return this.#bytes.subarray(output, this.#view.getInt32(WORD.out, true))
  }

  #start(plan: KernelPlan, input: number, inputEnd: number, output: number): void {
    const view = this.#view
    view.setInt32(WORD.at, input, true)
    view.setInt32(WORD.kept, input, true)
    view.setInt32(WORD.out, output, true)
    view.setInt32(WORD.step, 0, true)
    view.setInt32(WORD.isAnyChanged, 0, true)
    view.setInt32(WORD.inputEnd, inputEnd, true)
    view.setInt32(WORD.outputEnd, this.#bytes.length - SLACK_BYTES, true)
    view.setUint16(WORD.columns, plan.columns)
    view.setInt32(WORD.firstStep, PLAN_START, true)
  }

  /** Says what is shown of the cell that the kernel asks about; false where there is no room for it. */
  #answer(plan: KernelPlan, source: Uint8Array, toSource: number): boolean {
    const view = this.#view
    const action = plan.actions[(view.getInt32(WORD.step, true) - PLAN_START) / STEP_BYTES - 1]
    if (action?.kind !== 'write') throw malformedRow('message')
    const cellEnd = view.getInt32(WORD.cellEnd, true)
    const from = view.getInt32(WORD.cellStart, true) + toSource
    const to = cellEnd + toSource
    const out = view.getInt32(WORD.out, true)
    const isKept = action.swift === null && action.mayChange?.(source, from, to) === false
    const scratch = this.#emptied()
    const written = isKept ? 'kept' : action.write(source, from, to, scratch)
    if (written === 'kept') {
      view.setInt32(WORD.out, out - 4, true)
      return true
    }
    const length = written === 'null' ? 0 : scratch.length
    if (out + length > this.#bytes.length - SLACK_BYTES) return false
    view.setInt32(out - 4, written === 'null' ? -1 : length)
    this.#bytes.set(scratch.bytes.subarray(0, length), out)
    view.setInt32(WORD.out, out + length, true)
    view.setInt32(WORD.kept, cellEnd, true)
    view.setInt32(WORD.isChanged, 1, true)
    return true
  }

  #emptied(): OutputBuffer {
    if (this.#scratch.bytes.length > SCRATCH_BYTES_KEPT_MAX) this.#scratch = emptyScratch()
    this.#scratch.clear()
    return this.#scratch
  }

  /** Makes the memory that large; false where it may not become so. */
  #reserve(bytes: number): boolean {
    if (bytes <= this.#bytes.length) return true
    if (bytes > MEMORY_BYTES_MAX) return false
    const { memory } = this.#exports
    try {
      memory.grow(Math.ceil((bytes - this.#bytes.length) / PAGE_BYTES))
    } catch {
      return false
    }
    this.#bytes = new Uint8Array(memory.buffer)
    this.#view = new DataView(memory.buffer)
    return true
  }
}

const emptyScratch = (): OutputBuffer => new OutputBuffer({ bytesInitial: 4096, bytesMax: OUTPUT_BYTES_MAX })
