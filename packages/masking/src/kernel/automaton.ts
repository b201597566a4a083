import type { Candidate } from '../detect/candidates.ts'

/** A finite automaton over bytes that sees, in one pass, whether a text may hold a find. */
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

/** One byte of a set: exactly one, at most one, or any number of them. */
interface ByteStep {
  readonly has: (byte: number) => boolean
  readonly repeat: 'one' | 'optional' | 'many'
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
const isOneOf =
  (signs: string): ((byte: number) => boolean) =>
  byte =>
    byte < 0x80 && signs.includes(String.fromCharCode(byte))
const isAny = (): boolean => true

const one = (has: ByteStep['has']): ByteStep => ({ has, repeat: 'one' })
const many = (has: ByteStep['has']): ByteStep => ({ has, repeat: 'many' })
const times = (count: number, ...steps: readonly ByteStep[]): readonly ByteStep[] =>
  Array.from({ length: count }, () => steps).flat()

/** What each candidate looks like, wherever in a text it stands. */
function shapesOf(candidate: Candidate): readonly (readonly ByteStep[])[] {
  switch (candidate.kind) {
    case 'literal':
      return [Array.from(Buffer.from(candidate.text, 'latin1'), wanted => one(byte => byte === wanted))]
    case 'digits':
      return [[one(isDigit), ...times(candidate.min - 1, many(isOneOf(' -.()')), one(isDigit))]]
    case 'letters-digits':
      return [[...times(2, one(isLetter)), ...times(2, one(isDigit))]]
    case 'dotted':
      return [times(3, one(isDigit), one(isOneOf('.')), many(isDigit)).slice(0, -1)]
    case 'colons':
      return [times(2, one(isOneOf(':'))), [...times(6, one(isOneOf(':')), many(isAny)), one(isOneOf(':'))]]
  }
}

/** Offsets are 16 bits wide. */
const WORDS_MAX = 65_536

/**
 * The automaton for candidates, or null where it would be too large: then every text may hold a find. With `escapeSign`, a
 * sign that other signs can hide behind (the backslash of `\u0040` in JSON) is enough.
 */
export function automatonFor(candidates: readonly Candidate[], escapeSign: string | null): Automaton | null {
  const wanted: readonly Candidate[] =
    escapeSign === null ? candidates : [...candidates, { kind: 'literal', text: escapeSign }]
  const places = placesOf(wanted.flatMap(shapesOf))
  const { classes, members } = classesOf(places)
  const width = members.length
  const rows: number[] = []
  const offsets = new Map<string, number>()
  const pending: { readonly at: number; readonly places: readonly number[] }[] = []
  const offsetOf = (reached: readonly number[]): number => {
    // Whatever else may be found besides, one find is enough.
    const key = reached.includes(FOUND) ? 'found' : reached.join()
    const known = offsets.get(key)
    if (known !== undefined) return known
    const at = offsets.size * width
    offsets.set(key, at)
    pending.push({ at, places: key === 'found' ? [FOUND] : reached })
    return at
  }

  const last = offsetOf([FOUND])
  const first = offsetOf(places.starts)
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    if (offsets.size * width > WORDS_MAX) return null
    for (let index = 0; index < width; index++) {
      const byte = members[index] ?? 0
      rows[state.at + index] = state.places[0] === FOUND ? last : offsetOf(after(places, state.places, byte))
    }
  }
  return { classes, rows: Uint16Array.from(rows), first, last }
}

/** A place behind the end of any shape. */
const FOUND = -1

/** All shapes as one list of places: the byte that each waits for, and where it leads to. */
interface Places {
  readonly steps: readonly ByteStep[]
  /** Where to go on from each place when its byte comes. */
  readonly next: readonly (readonly number[])[]
  /** Where every text begins, and where a find may begin at any byte. */
  readonly starts: readonly number[]
}

function placesOf(shapes: readonly (readonly ByteStep[])[]): Places {
  const steps: ByteStep[] = []
  const next: number[][] = []
  const starts: number[] = []
  for (const shape of shapes) {
    const base = steps.length
    // From a step on: itself, and what follows for as long as it may be left out.
    const entries = (from: number): number[] => {
      const found: number[] = []
      for (let index = from; ; index++) {
        const step = shape[index]
        if (step === undefined) return [...found, FOUND]
        found.push(base + index)
        if (step.repeat === 'one') return found
      }
    }
    starts.push(...entries(0))
    shape.forEach((step, index) => {
      steps.push(step)
      next.push(step.repeat === 'many' ? entries(index) : entries(index + 1))
    })
  }
  return { steps, next, starts }
}

function after({ steps, next, starts }: Places, reached: readonly number[], byte: number): readonly number[] {
  const follow = new Set(starts)
  for (const place of reached) if (steps[place]?.has(byte) === true) for (const to of next[place] ?? []) follow.add(to)
  return [...follow].sort((a, b) => a - b)
}

/** Bytes that every place takes alike are one class. `members` has a byte of each. */
function classesOf({ steps }: Places): { readonly classes: Uint8Array; readonly members: readonly number[] } {
  const classes = new Uint8Array(256)
  const members: number[] = []
  const known = new Map<string, number>()
  for (let byte = 0; byte < 256; byte++) {
    const key = steps.map(step => (step.has(byte) ? 1 : 0)).join('')
    const index = known.get(key) ?? members.length
    if (index === members.length) {
      known.set(key, index)
      members.push(byte)
    }
    classes[byte] = index
  }
  return { classes, members }
}

/** Whether the automaton sees that a find may be in the bytes. */
export function runAutomaton(
  { classes, rows, first, last }: Automaton,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  let state = first
  for (let at = start; at < end; at++) {
    state = rows[state + (classes[bytes[at] ?? 0] ?? 0)] ?? last
    if (state === last) return true
  }
  return false
}
