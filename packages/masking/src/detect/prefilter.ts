import type { Detector } from '@querywarden/policy-core'

/** The fewest digits in anything that each detector finds; an address is known by its at sign instead. */
const DIGITS_MIN: Readonly<Record<Exclude<Detector, 'email'>, number>> = {
  'credit-card': 13,
  'us-ssn': 9,
  iban: 6,
  phone: 8,
}

/**
 * One cheap pass over a cell: whether it can hold anything that the detectors find. Most cells can't, and are done with
 * (bench/masking.mjs). It never says no wrongly.
 */
export interface Prefilter {
  readonly bytes: (bytes: Uint8Array, start: number, end: number) => boolean
  readonly text: (text: string) => boolean
}

const ENOUGH = 1_000_000

/**
 * Prepares the pass for a set of detectors. With `escapeUnit`, a sign that other signs can hide behind (the backslash of
 * `\u0040` in JSON) makes a text worth looking at, too.
 */
export function prefilter(detectors: ReadonlySet<Detector>, escapeUnit: number | null): Prefilter {
  let digitsMin = ENOUGH
  for (const detector of detectors) if (detector !== 'email') digitsMin = Math.min(digitsMin, DIGITS_MIN[detector])

  // A digit weighs 1 and the others as much as any number of digits asked for, so that one sum decides.
  const weights = new Int32Array(128)
  if (digitsMin < ENOUGH) weights.fill(1, 0x30, 0x3a)
  if (detectors.has('email')) weights[0x40] = ENOUGH
  if (escapeUnit !== null) weights[escapeUnit] = ENOUGH

  return {
    bytes: (bytes, start, end) => {
      let weight = 0
      for (let at = start; at < end; at++) {
        weight += weights[bytes[at] ?? 0] ?? 0
        if (weight >= digitsMin) return true
      }
      return false
    },
    text: text => {
      let weight = 0
      for (let at = 0; at < text.length; at++) {
        weight += weights[text.charCodeAt(at)] ?? 0
        if (weight >= digitsMin) return true
      }
      return false
    },
  }
}
