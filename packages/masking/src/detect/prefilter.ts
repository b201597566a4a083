import type { Candidate } from './candidates.ts'

/**
 * One cheap pass over a cell: whether it can hold anything that the detectors find. Most cells can't, and are done with
 * (bench/masking.mjs). It never says no wrongly.
 */
export interface Prefilter {
  readonly bytes: (bytes: Uint8Array, start: number, end: number) => boolean
  readonly text: (text: string) => boolean
}

/** Classes of bytes. Whatever is none of the others ends a number. */
const OTHER = 0
const DIGIT = 1
const SEPARATOR = 2
const LETTER = 3
const DOT = 4
const COLON = 5

/** How many dotted digits, and how many colons, an address needs. */
const DOTS_MIN = 3
const COLONS_MIN = 7
/** An IBAN begins with two letters and two digits, so letters behind a digit can't begin one. */
const IBAN_LETTERS = 2
const MANY = 1000

const SCRATCH_CHARS = 4_096

/**
 * Prepares the pass for the candidates of a plan; null for patterns that may match anywhere. With `escapeSign`, a sign that other
 * signs can hide behind (the backslash of `\u0040` in JSON) makes a text worth looking at, too.
 */
export function prefilter(candidates: readonly Candidate[] | null, escapeSign: string | null): Prefilter {
  if (candidates === null) return { bytes: () => true, text: () => true }
  const pass = passFor(escapeSign === null ? candidates : [...candidates, { kind: 'literal', text: escapeSign }])
  const scratch = Buffer.alloc(SCRATCH_CHARS)
  return {
    bytes: (bytes, start, end) => mayHold(pass, bytes, start, end),
    // What is beyond Latin-1 loses bits and may look like a candidate, but no candidate is lost.
    text: text => {
      if (text.length <= SCRATCH_CHARS) return mayHold(pass, scratch, 0, scratch.write(text, 0, 'latin1'))
      const bytes = Buffer.from(text, 'latin1')
      return mayHold(pass, bytes, 0, bytes.length)
    },
  }
}

interface Pass {
  readonly classes: Uint8Array
  /** Literals by their rarest byte. */
  readonly probes: readonly (readonly Probe[] | undefined)[]
  readonly digitsMin: number
}

interface Probe {
  readonly bytes: Uint8Array
  /** Where in it the byte stands that it is noticed by. */
  readonly offset: number
}

function mayHold({ classes, probes, digitsMin }: Pass, bytes: Uint8Array, start: number, end: number): boolean {
  let digits = 0
  let isRun = false
  let letters = 0
  let dots = 0
  let colons = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    const probe = probes[byte]
    if (probe !== undefined && stands(probe, bytes, at, start, end)) return true
    const kind = classes[byte] ?? OTHER
    if (kind === DIGIT) {
      digits++
      if (digits >= digitsMin || (isRun && letters === IBAN_LETTERS)) return true
      isRun = true
      continue
    }
    if (kind === DOT) {
      dots = isRun ? dots + 1 : 0
      if (dots >= DOTS_MIN) return true
    } else {
      dots = 0
      if (kind === COLON && (++colons >= COLONS_MIN || (at > start && bytes[at - 1] === byte))) return true
      if (kind !== SEPARATOR) digits = 0
    }
    letters = kind === LETTER ? (isRun ? MANY : letters + 1) : 0
    isRun = false
  }
  return false
}

function stands(probes: readonly Probe[], bytes: Uint8Array, at: number, start: number, end: number): boolean {
  for (const probe of probes) {
    const from = at - probe.offset
    if (from < start || from + probe.bytes.length > end) continue
    let index = 0
    while (index < probe.bytes.length && probe.bytes[index] === bytes[from + index]) index++
    if (index === probe.bytes.length) return true
  }
  return false
}

function passFor(candidates: readonly Candidate[]): Pass {
  const kinds = new Set(candidates.map(({ kind }) => kind))
  const classes = new Uint8Array(256)
  classes.fill(DIGIT, 0x30, 0x3a)
  for (const separator of ' -.()') classes[separator.charCodeAt(0)] = SEPARATOR
  if (kinds.has('letters-digits')) {
    classes.fill(LETTER, 0x41, 0x5b)
    classes.fill(LETTER, 0x61, 0x7b)
  }
  if (kinds.has('dotted')) classes[0x2e] = DOT
  if (kinds.has('colons')) classes[0x3a] = COLON
  const probes: Probe[][] = []
  for (const candidate of candidates) {
    if (candidate.kind !== 'literal') continue
    const bytes = Buffer.from(candidate.text, 'latin1')
    const offset = rarest(candidate.text)
    const byte = bytes[offset] ?? 0
    probes[byte] = [...(probes[byte] ?? []), { bytes, offset }]
  }
  const digitsMin = Math.min(...candidates.map(each => (each.kind === 'digits' ? each.min : Number.POSITIVE_INFINITY)))
  return { classes, probes: Array.from({ length: 256 }, (_, byte) => probes[byte]), digitsMin }
}

/** The commonest signs of tables first. */
const COMMON = ' 0123456789etaoinshrdlcumfpgwybvkxjqz-._ETAOINSHRDLCUMFPGWYBVKXJQZ'

/** Where in a text the sign stands that is the rarest elsewhere. */
function rarest(text: string): number {
  const ranks = Array.from(text, sign => (COMMON.includes(sign) ? COMMON.indexOf(sign) : COMMON.length))
  return ranks.indexOf(Math.max(...ranks))
}
