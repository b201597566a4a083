import type { Detector } from '@querywarden/policy-core'
import { isAwsSecret } from './aws-key.ts'
import { type DetectorRule, RULES } from './rules.ts'

/** A stretch of a text that looks like what a detector looks for: UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly detector: Detector
}

/** Finds in a text. `name` is what the text is called where it stands, if that is known: the key of a JSON member. */
export type FindSpans = (text: string, name?: string) => readonly Span[]

/** Characters are asked about by their code; no rule is about others than these. */
const CODES = 128

/**
 * Finds, from left to right and without overlap, all that the given detectors look for.
 *
 * @example
 * findSpans(new Set(['email']))('write to quentin@example.com')   // [{ start: 9, end: 28, detector: 'email' }]
 */
export function findSpans(detectors: ReadonlySet<Detector>): FindSpans {
  const rulesAt = rulesBySign(RULES.filter(({ detector }) => detectors.has(detector)))
  const asksForName = detectors.has('aws-key')

  return (text, name) => {
    if (asksForName && name !== undefined && isAwsSecret(text, name))
      return [{ start: 0, end: text.length, detector: 'aws-key' }]
    const spans: Span[] = []
    let floor = 0
    for (let at = 0; at < text.length; at++) {
      const rules = rulesAt[text.charCodeAt(at)]
      if (rules === undefined) continue
      const span = spanAt(rules, text, at, floor)
      if (span === null) continue
      spans.push(span)
      floor = span.end
      at = span.end - 1
    }
    return spans
  }
}

function rulesBySign(rules: readonly DetectorRule[]): readonly (readonly DetectorRule[] | undefined)[] {
  return Array.from({ length: CODES }, (_, code) => {
    const asked = rules.filter(({ signs }) => signs.includes(String.fromCharCode(code)))
    return asked.length === 0 ? undefined : asked
  })
}

function spanAt(rules: readonly DetectorRule[], text: string, at: number, floor: number): Span | null {
  for (const { detector, find } of rules) {
    const found = find(text, at, floor)
    if (found !== null) return { ...found, detector }
  }
  return null
}
