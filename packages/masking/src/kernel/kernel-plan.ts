import type { ColumnAction } from '../data-row/column-action.ts'
import type { Automaton } from './automaton.ts'

/** The steps of a result as row-kernel.wat reads them, with what they point to. */
export interface KernelPlan {
  /** What goes where in the memory, from {@link PLAN_START} to `end`. */
  readonly pieces: readonly { readonly at: number; readonly piece: Uint8Array }[]
  readonly end: number
  readonly columns: number
  /** The action of each step, for the cells that the kernel asks about. */
  readonly actions: readonly ColumnAction[]
}

/** Behind the kernel's own words. */
export const PLAN_START = 64
export const STEP_BYTES = 40
const WORD_BYTES = 4
/** Copies may read that much more than they are asked for. */
export const SLACK_BYTES = 32
/** What is kept of the memory for plans. A result with more to it is masked without the kernel. */
const PLAN_BYTES_MAX = 512 * 1024

/** What the kernel copies without a loop. */
const ENDS_BYTES_MAX = 32
const FILL_BYTES_MAX = 16

const KIND = { end: 0, fixed: 1, ask: 2, ends: 3, scan: 4 } as const

/** Lays out what is to be done with the columns of a result, or gives null where that is too much. */
export function kernelPlan(actions: readonly ColumnAction[]): KernelPlan | null {
  const changed = actions.filter(({ kind }) => kind !== 'keep')
  const data = new PlanData(PLAN_START + (changed.length + 1) * STEP_BYTES)
  const steps: number[][] = []
  let skipped = 0
  for (const action of actions) {
    const words = wordsOf(action, data)
    if (words === null) skipped++
    else {
      steps.push([skipped, ...words])
      skipped = 0
    }
  }
  steps.push([skipped, KIND.end])
  if (data.end > PLAN_START + PLAN_BYTES_MAX) return null

  const bytes = new Uint8Array(steps.length * STEP_BYTES)
  const view = new DataView(bytes.buffer)
  steps.forEach((words, step) => {
    words.forEach((word, index) => {
      view.setUint32(step * STEP_BYTES + index * WORD_BYTES, word, true)
    })
  })
  const pieces = [{ at: PLAN_START, piece: bytes }, ...data.pieces]
  return { pieces, end: data.end, columns: actions.length, actions: changed }
}

/** What a step says behind the count of columns kept; null for a column that is one of those. */
function wordsOf(action: ColumnAction, data: PlanData): readonly number[] | null {
  switch (action.kind) {
    case 'keep':
      return null
    case 'fixed': {
      const column = new Uint8Array(4 + (action.bytes?.length ?? 0))
      new DataView(column.buffer).setInt32(0, action.bytes === null ? -1 : action.bytes.length)
      column.set(action.bytes ?? [], 4)
      return [KIND.fixed, data.put(column), column.length]
    }
    case 'write': {
      const { swift } = action
      if (swift === null) return [KIND.ask]
      if (swift.kind === 'scan') {
        const { automaton } = swift
        return [KIND.scan, data.putAutomaton(automaton), automaton.first * WORD_BYTES, automaton.last * WORD_BYTES]
      }
      const { fill, short, first, last, bytesMax, bytesMin } = swift
      if (Math.max(first, last, short.length) > ENDS_BYTES_MAX || fill.length > FILL_BYTES_MAX) return [KIND.ask]
      return [KIND.ends, data.put(fill), fill.length, data.put(short), short.length, first, last, bytesMax, bytesMin]
    }
  }
}

/** What steps point to, piece by piece behind them. An automaton that several columns share is there once. */
class PlanData {
  end: number
  readonly pieces: { readonly at: number; readonly piece: Uint8Array }[] = []
  readonly #automata = new Map<Automaton, number>()

  constructor(start: number) {
    this.end = start
  }

  put(piece: Uint8Array): number {
    const at = this.end
    this.pieces.push({ at, piece })
    this.end = at + piece.length + SLACK_BYTES
    return at
  }

  putAutomaton(automaton: Automaton): number {
    const known = this.#automata.get(automaton)
    if (known !== undefined) return known
    const at = this.put(automatonBytes(automaton))
    this.#automata.set(automaton, at)
    return at
  }
}

/** Automata as the kernel reads them: many results share one. */
const laidOut = new WeakMap<Automaton, Uint8Array>()

function automatonBytes(automaton: Automaton): Uint8Array {
  const known = laidOut.get(automaton)
  if (known !== undefined) return known
  const { classes, rows } = automaton
  const piece = new Uint8Array(classes.length * 2 + rows.length * WORD_BYTES)
  const view = new DataView(piece.buffer)
  classes.forEach((each, byte) => {
    view.setUint16(byte * 2, each * WORD_BYTES, true)
  })
  rows.forEach((row, index) => {
    view.setUint32(classes.length * 2 + index * WORD_BYTES, row * WORD_BYTES, true)
  })
  laidOut.set(automaton, piece)
  return piece
}
