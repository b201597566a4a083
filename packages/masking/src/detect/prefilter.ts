import { type Automaton, automatonFor, runOnBytes, runOnText } from '../kernel/automaton.ts'
import { literally, type Shape } from '../kernel/shape.ts'

/**
 * One cheap pass over a cell: whether it can hold anything that the detectors find. Most cells can't, and are done with
 * (bench/masking.mjs). It never says no wrongly.
 */
export interface Prefilter {
  readonly bytes: (bytes: Uint8Array, start: number, end: number) => boolean
  readonly text: (text: string) => boolean
  /** The pass itself, for a kernel to run; null where there is none, and everything may hold a find. */
  readonly automaton: Automaton | null
}

/** What is to be known of the values besides the candidates. */
export interface Surroundings {
  /** A sign that other signs can hide behind, as the backslash of `\u0040` in JSON: it makes a value worth looking at. */
  readonly escapeSign: string | null
  /** False where a text may begin behind any byte, as the elements of a binary array do behind their lengths. */
  readonly hasEdges: boolean
}

/** Passes by the list that they are for, since making one takes as long as masking some thousand rows. */
const made = new WeakMap<readonly Shape[], Map<string, Prefilter>>()

/** Prepares the pass for the candidates of a plan; null for patterns that may match anywhere. */
export function prefilter(candidates: readonly Shape[] | null, surroundings: Surroundings): Prefilter {
  if (candidates === null) return EVERYTHING
  const bySurroundings = made.get(candidates) ?? new Map<string, Prefilter>()
  made.set(candidates, bySurroundings)
  const key = `${surroundings.escapeSign} ${surroundings.hasEdges}`
  const known = bySurroundings.get(key) ?? prefilterFor(candidates, surroundings)
  bySurroundings.set(key, known)
  return known
}

const EVERYTHING: Prefilter = { bytes: () => true, text: () => true, automaton: null }

function prefilterFor(candidates: readonly Shape[], { escapeSign, hasEdges }: Surroundings): Prefilter {
  const automaton = automatonFor(escapeSign === null ? candidates : [...candidates, literally(escapeSign)], {
    hasEdges,
  })
  if (automaton === null) return EVERYTHING
  return {
    bytes: (bytes, start, end) => runOnBytes(automaton, bytes, start, end),
    text: text => runOnText(automaton, text),
    automaton,
  }
}
