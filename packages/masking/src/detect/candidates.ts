import type { DetectedMask, Detector } from '@querywarden/policy-core'
import {
  byteOf,
  byteOfOrNonAscii,
  choice,
  DIGITS,
  edge,
  inAnyCase,
  LETTERS,
  literally,
  many,
  optional,
  type Shape,
  sequence,
  times,
} from '../kernel/shape.ts'
import { IBAN_LENGTHS } from './iban-lengths.ts'

const digit = byteOf(DIGITS)
const digits = (count: number): Shape => times(count, digit)
const gap = byteOf(' -')
const hex = byteOf(`${DIGITS}abcdefABCDEF`)
const alphanumeric = byteOf(DIGITS + LETTERS)
const oneOf = (...texts: readonly string[]): Shape => choice(...texts.map(literally))

/** Groups of digits, as in card numbers and telephone numbers; no date, no time and few other numbers have them. */
const groups = sequence(digits(3), gap, digits(3), times(3, optional(digit)), byteOf(' .-'), digits(3))
const marks = many(byteOf(' .-()'))

/** Countries by their first letter: one choice for each is smaller than one for each country. */
const country = choice(
  ...Array.from(LETTERS.toUpperCase().slice(0, 26), first => {
    const seconds = [...IBAN_LENGTHS.keys()].filter(code => code.startsWith(first)).map(code => code.charAt(1))
    return sequence(inAnyCase(first), byteOf([...seconds, ...seconds.map(each => each.toLowerCase())].join('')))
  }),
)

/**
 * What must stand in a text for a detector to find anything in it: where none of it does, the detector finds nothing there.
 * Where values hide behind escapes (`\u0040` in json), the sign of escapes is one of every detector. The shapes are short, so
 * that one automaton for all of them is small, and seldom in ordinary data, which is where the time goes (bench/masking.mjs).
 *
 * | detector     | candidates                                                                              |
 * | ------------ | --------------------------------------------------------------------------------------- |
 * | credit-card  | 13 digits; three groups of three digits                                                 |
 * | us-ssn       | three digits, two, three, parted by space or dash                                       |
 * | phone        | a plus and three digits, the first no zero; three groups of three digits, or of them two in parentheses |
 * | email        | `@` between what an address can have there                                              |
 * | iban         | a country's two letters where no word goes on, two digits, two letters or digits        |
 * | jwt          | `eyJ`                                                                                   |
 * | aws-key      | `AKIA`, `ASIA`, `ABIA`, `ACCA`; `secret` before a secret key                            |
 * | gcp-key      | `AIza`, `GOCSPX-`                                                                       |
 * | github-token | `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_`, `github_pat_`                                   |
 * | slack-token  | `xox`, `xapp-`, `hooks.slack.com/`                                                      |
 * | openai-key   | `sk-`                                                                                   |
 * | private-key  | `PRIVATE KEY`                                                                           |
 * | ip-address   | four numbers with dots between; two colons side by side, or three with hex between      |
 */
export const CANDIDATES: Readonly<Record<Detector, readonly Shape[]>> = {
  'credit-card': [digits(13), groups],
  'us-ssn': [sequence(digits(3), gap, digits(2), gap, digits(3))],
  phone: [
    sequence(byteOf('+'), byteOf('123456789'), times(2, marks, digit)),
    groups,
    sequence(digits(3), byteOf('.'), digits(3), byteOf(' .-'), digit),
    sequence(byteOf(')'), optional(byteOf(' ')), digits(3)),
  ],
  email: [
    sequence(
      byteOfOrNonAscii(`${DIGITS}${LETTERS}.!#$%&'*+/=?^_\`{|}~-`),
      byteOf('@'),
      byteOfOrNonAscii(`${DIGITS}${LETTERS}-`),
    ),
  ],
  iban: [sequence(edge, country, digits(2), times(2, optional(gap), alphanumeric))],
  jwt: [literally('eyJ')],
  'aws-key': [oneOf('AKIA', 'ASIA', 'ABIA', 'ACCA'), inAnyCase('secret')],
  'gcp-key': [oneOf('AIza', 'GOCSPX-')],
  'github-token': [oneOf('ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_')],
  'slack-token': [oneOf('xox', 'xapp-', 'hooks.slack.com/')],
  'openai-key': [literally('sk-')],
  'private-key': [literally('PRIVATE KEY')],
  'ip-address': [
    sequence(digit, times(2, byteOf('.'), digit, optional(digit), optional(digit)), byteOf('.'), digit),
    literally('::'),
    sequence(byteOf(':'), times(2, hex, many(hex), byteOf(':'))),
  ],
}

/** What was asked for before, by the names and patterns: a policy has few such lists, and each result asks anew. */
const known = new Map<string, readonly Shape[] | null>()
const KNOWN_MAX = 64

/**
 * The candidates of all detectors of a plan; null where a pattern of the policy's own may find something in any text. The same
 * detectors give the same list.
 */
export function candidatesOf(detect: readonly DetectedMask[]): readonly Shape[] | null {
  const key = detect.map(each => (each.pattern === undefined ? each.detector : `/${each.pattern}`)).join('\n')
  const before = known.get(key)
  if (before !== undefined) return before
  const found = detect.map(each =>
    each.pattern === undefined ? CANDIDATES[each.detector] : patternCandidates(each.pattern),
  )
  const candidates = found.includes(null) ? null : found.flatMap(each => each ?? [])
  const [oldest] = known.keys()
  if (known.size >= KNOWN_MAX && oldest !== undefined) known.delete(oldest)
  known.set(key, candidates)
  return candidates
}

/** The letters that a pattern begins with, as `EMP-` of `EMP-\d{6}`. */
const OPENING = /^[A-Za-z0-9_-]+/
const REPEATS = /^[?{]/

function patternCandidates(pattern: string): readonly Shape[] | null {
  const opening = OPENING.exec(pattern)?.[0] ?? ''
  const certain = REPEATS.test(pattern.slice(opening.length)) ? opening.slice(0, -1) : opening
  return certain === '' || pattern.includes('|') ? null : [literally(certain)]
}
