import type { Detector } from '@querywarden/policy-core'
import { creditCardAt } from './credit-card.ts'
import { emailEnd, emailStart } from './email.ts'
import { ibanAt } from './iban.ts'
import { phoneAt } from './phone.ts'
import { usSsnAt } from './us-ssn.ts'

/** A stretch of a text that looks like what a detector looks for: UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly detector: Detector
}

type EndAt = (text: string, at: number) => number

/** Detectors whose finds begin where they are noticed, the more specific first. An address is noticed at its at sign. */
const FORWARD: readonly (readonly [Detector, EndAt])[] = [
  ['iban', ibanAt],
  ['credit-card', creditCardAt],
  ['us-ssn', usSsnAt],
  ['phone', phoneAt],
]

/** Finds, from left to right and without overlap, all that the given detectors look for. */
export function findSpans(detectors: ReadonlySet<Detector>): (text: string) => readonly Span[] {
  const forward = FORWARD.filter(([detector]) => detectors.has(detector))
  const signs = signsFor(detectors)

  return text => {
    const spans: Span[] = []
    let floor = 0
    for (let at = 0; at < text.length; at++) {
      const sign = signs[text.charCodeAt(at)] ?? 0
      if (sign === 0) continue
      const span = sign === AT_SIGN ? emailAround(text, at, floor) : spanAt(forward, text, at)
      if (span === null) continue
      spans.push(span)
      floor = span.end
      at = span.end - 1
    }
    return spans
  }
}

const FIRST_SIGN = 1
const AT_SIGN = 2

/** Where it is worth asking: at what anything looked for can begin with, and at the at sign. */
function signsFor(detectors: ReadonlySet<Detector>): Uint8Array {
  const signs = new Uint8Array(128)
  if (FORWARD.some(([detector]) => detectors.has(detector))) signs.fill(FIRST_SIGN, 0x30, 0x3a)
  if (detectors.has('phone')) for (const sign of '+(') signs[sign.charCodeAt(0)] = FIRST_SIGN
  if (detectors.has('iban')) {
    signs.fill(FIRST_SIGN, 0x41, 0x5b)
    signs.fill(FIRST_SIGN, 0x61, 0x7b)
  }
  if (detectors.has('email')) signs[0x40] = AT_SIGN
  return signs
}

function emailAround(text: string, at: number, floor: number): Span | null {
  const start = emailStart(text, at, floor)
  const end = start === at ? -1 : emailEnd(text, at)
  return end < 0 ? null : { start, end, detector: 'email' }
}

function spanAt(forward: readonly (readonly [Detector, EndAt])[], text: string, at: number): Span | null {
  for (const [detector, endAt] of forward) {
    const end = endAt(text, at)
    if (end > at) return { start: at, end, detector }
  }
  return null
}
