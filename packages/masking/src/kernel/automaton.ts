import { addPlaces, eachPlace, intersect, meets, type PlaceSet, placeSet, SetNumbers } from './place-sets.ts'
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
  const setOf = (each: Places): PlaceSet => placeSet(each, places.accepts.length)
  const follow = places.follow.map(setOf)
  const starts = setOf(places.starts)
  const ends = setOf(places.ends)
  const { classes, members } = classesOf(places)
  const standing = members.map(setOf)
  const width = members.length
  const rows: number[] = []
  const states = new SetNumbers()

  // A find that is complete makes all else that may be under way idle. No other state has the start of the text among others.
  const every = setOf(0n).fill(-1)
  const last = states.of(every) * width
  rows.push(...members.map(() => last))
  const first = states.of(setOf(places.textStart)) * width
  const next = setOf(0n)
  for (let number = 1; number < states.sets.length; number++) {
    if (states.sets.length * width > WORDS_MAX) return null
    const reachable = starts.slice()
    eachPlace(states.sets[number] ?? every, place => addPlaces(reachable, follow[place] ?? starts))
    for (const those of standing) {
      intersect(reachable, those, next)
      rows.push(meets(next, ends) ? last : states.of(next) * width)
    }
  }
  return { classes, rows: Uint16Array.from(rows), first, last }
}

/** Bytes that can stand in the same places are one class; `members` has those places. */
function classesOf({ accepts }: ShapePlaces): { readonly classes: Uint8Array; readonly members: readonly Places[] } {
  const bits = accepts.map((_, index) => 1n << BigInt(index))
  const known = new Map<Places, number>()
  const classes = Uint8Array.from({ length: 256 }, (_, byte) => {
    let places = 0n
    accepts.forEach((accept, index) => {
      if (accept(byte)) places |= bits[index] ?? 0n
    })
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
