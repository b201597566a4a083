import type { Detector } from '@querywarden/policy-core'

/** The fewest digits in what each of these finds, with nothing but separators between. */
const DIGITS_MIN: Readonly<Partial<Record<Detector, number>>> = { 'credit-card': 13, 'us-ssn': 9, phone: 8 }

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
const TELLING = 4

/**
 * Prepares the pass for a set of detectors. With `escapeUnit`, a sign that other signs can hide behind (the backslash of
 * `\u0040` in JSON) makes a text worth looking at, too.
 */
export function prefilter(detectors: ReadonlySet<Detector>, escapeUnit: number | null): Prefilter {
  const classes = classesFor(detectors, escapeUnit)
  const digitsMin = Math.min(...[...detectors].map(detector => DIGITS_MIN[detector] ?? Number.POSITIVE_INFINITY))

  // The same loop twice, because reading bytes and characters through one function costs more than the loop.
  return {
    bytes: (bytes, start, end) => {
      let digits = 0
      let isRun = false
      let letters = 0
      for (let at = start; at < end; at++) {
        const kind = classes[bytes[at] ?? 0] ?? OTHER
        if (kind === DIGIT) {
          digits++
          if (digits >= digitsMin || (isRun && letters === IBAN_LETTERS)) return true
          isRun = true
        } else if (kind === TELLING) return true
        else {
          if (kind !== SEPARATOR) digits = 0
          letters = kind === LETTER ? (isRun ? MANY : letters + 1) : 0
          isRun = false
        }
      }
      return false
    },
    text: text => {
      let digits = 0
      let isRun = false
      let letters = 0
      for (let at = 0; at < text.length; at++) {
        const kind = classes[text.charCodeAt(at)] ?? OTHER
        if (kind === DIGIT) {
          digits++
          if (digits >= digitsMin || (isRun && letters === IBAN_LETTERS)) return true
          isRun = true
        } else if (kind === TELLING) return true
        else {
          if (kind !== SEPARATOR) digits = 0
          letters = kind === LETTER ? (isRun ? MANY : letters + 1) : 0
          isRun = false
        }
      }
      return false
    },
  }
}

/** An IBAN begins with two letters and two digits, so letters behind a digit can't begin one. */
const IBAN_LETTERS = 2
const MANY = 1000

function classesFor(detectors: ReadonlySet<Detector>, escapeUnit: number | null): Uint8Array {
  const classes = new Uint8Array(256)
  classes.fill(DIGIT, 0x30, 0x3a)
  for (const separator of ' -.()') classes[separator.charCodeAt(0)] = SEPARATOR
  if (detectors.has('iban')) {
    classes.fill(LETTER, 0x41, 0x5b)
    classes.fill(LETTER, 0x61, 0x7b)
  }
  if (detectors.has('email')) classes[0x40] = TELLING
  if (escapeUnit !== null) classes[escapeUnit] = TELLING
  return classes
}
