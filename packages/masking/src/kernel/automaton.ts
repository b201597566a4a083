import type { Shape } from './shape.ts'
import { type Places, type ShapePlaces, shapePlaces } from './shape-places.ts'

/** A finite automaton over bytes that sees, in one pass, whether anything of a shape is in a text. */
export interface Automaton {
  /** The class of each of the 256 bytes: bytes of one class lead to the same states everywhere. */
  readonly classes: Uint8Array
  /** From state to state a row of words, one a class: the offset of the next state's row. */
  readonly rows: Uint16Array
  /** Where the row of the first state is. */
  readonly first: number
  /** Where the row of the state is that says yes, and that is never left. */
  readonly last: number
}

/** Offsets are 16 bits wide. */
const WORDS_MAX = 65_536

/** The automaton for shapes, or null where it would be too large. See {@link shapePlaces} for `hasEdges`. */
export function automatonFor(shapes: readonly Shape[], { hasEdges }: { readonly hasEdges: boolean }): Automaton | null {
  const places = shapePlaces(shapes, hasEdges)
  const { classes, members } = classesOf(places)
  const width = members.length
  const rows: number[] = []
  const offsets = new Map<Places, number>()
  const pending: Places[] = []
  const offsetOf = (state: Places): number => {
    const known = offsets.get(state)
    if (known !== undefined) return known
    const at = offsets.size * width
    offsets.set(state, at)
    pending.push(state)
    return at
  }

  // A find that is complete makes all else that may be under way idle.
  const last = offsetOf(-1n)
  rows.push(...members.map(() => last))
  pending.pop()
  const first = offsetOf(places.textStart)
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    if (offsets.size * width > WORDS_MAX) return null
    const at = offsets.get(state) ?? 0
    const reachable = behind(places, state)
    for (let index = 0; index < width; index++) {
      const next = reachable & (members[index] ?? 0n)
      rows[at + index] = (next & places.ends) === 0n ? offsetOf(next) : last
    }
  }
  return { classes, rows: Uint16Array.from(rows), first, last }
}

/** Where the next byte can stand. */
function behind({ follow, starts }: ShapePlaces, state: Places): Places {
  let reachable = starts
  for (let index = 0, left = state; left > 0n; index++, left >>= 1n) {
    if (left & 1n) reachable |= follow[index] ?? 0n
  }
  return reachable
}

/** Bytes that can stand in the same places are one class; `members` has those places. */
function classesOf({ accepts }: ShapePlaces): { readonly classes: Uint8Array; readonly members: readonly Places[] } {
  const known = new Map<Places, number>()
  const classes = Uint8Array.from({ length: 256 }, (_, byte) => {
    const places = accepts.reduce((all, accept, index) => (accept(byte) ? all | (1n << BigInt(index)) : all), 0n)
    const index = known.get(places) ?? known.size
    known.set(places, index)
    return index
  })
  return { classes, members: [...known.keys()] }
}

/** Whether anything of the shapes is in `bytes[start, end)`. */
export function runOnBytes(automaton: Automaton, bytes: Uint8Array, start: number, end: number): boolean {
  const { classes, rows, first, last } = automaton
  let state = first
  for (let at = start; at < end; at++) {
    state = rows[state + (classes[bytes[at] ?? 0] ?? 0)] ?? last
    if (state === last) return true
  }
  return false
}

/** Whether anything of the shapes is in the text. */
export function runOnText({ classes, rows, first, last }: Automaton, text: string): boolean {
  let state = first
  for (let at = 0; at < text.length; at++) {
    // All that is not ASCII is of one class.
    state = rows[state + (classes[Math.min(text.charCodeAt(at), 0x80)] ?? 0)] ?? last
    if (state === last) return true
  }
  return false
}
