import type { DetectedMask, Detector } from '@querywarden/policy-core'

/**
 * What must stand in a text for a detector to find anything in it. Each is plain to see in single bytes of UTF-8, in one pass,
 * without going back:
 *
 * - `literal`: this ASCII text, letter for letter.
 * - `digits`: so many ASCII digits with nothing between but ` `, `-`, `.`, `(` and `)`.
 * - `letters-digits`: exactly two ASCII letters, with no letter or digit right before them, and two digits right behind.
 * - `dotted`: a digit with a dot right behind it, three times, with nothing but digits and dots between.
 * - `colons`: two colons side by side, or seven in the text.
 */
export type Candidate =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'digits'; readonly min: number }
  | { readonly kind: 'letters-digits' }
  | { readonly kind: 'dotted' }
  | { readonly kind: 'colons' }

const literals = (...texts: readonly string[]): readonly Candidate[] => texts.map(text => ({ kind: 'literal', text }))

/**
 * The candidates of each detector: where none of them is in a text, the detector finds nothing there. Where values hide
 * behind escapes (`\u0040` in json), a backslash is one of every detector.
 *
 * | detector     | candidates                                                                 |
 * | ------------ | -------------------------------------------------------------------------- |
 * | credit-card  | 13 digits                                                                  |
 * | us-ssn       | 9 digits                                                                   |
 * | phone        | 8 digits                                                                   |
 * | email        | `@`                                                                        |
 * | iban         | two letters and two digits                                                 |
 * | jwt          | `eyJ`                                                                      |
 * | aws-key      | `AKIA`, `ASIA`, `ABIA`, `ACCA`; `ecret`, `ECRET` before a secret key       |
 * | gcp-key      | `AIza`, `GOCSPX-`                                                          |
 * | github-token | `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_`, `github_pat_`                      |
 * | slack-token  | `xox`, `xapp-`, `hooks.slack.com/`                                         |
 * | openai-key   | `sk-`                                                                      |
 * | private-key  | `PRIVATE KEY`                                                              |
 * | ip-address   | three digits with dots behind; two colons side by side, or seven           |
 */
export const CANDIDATES: Readonly<Record<Detector, readonly Candidate[]>> = {
  'credit-card': [{ kind: 'digits', min: 13 }],
  'us-ssn': [{ kind: 'digits', min: 9 }],
  phone: [{ kind: 'digits', min: 8 }],
  email: literals('@'),
  iban: [{ kind: 'letters-digits' }],
  jwt: literals('eyJ'),
  'aws-key': literals('AKIA', 'ASIA', 'ABIA', 'ACCA', 'ecret', 'ECRET'),
  'gcp-key': literals('AIza', 'GOCSPX-'),
  'github-token': literals('ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'),
  'slack-token': literals('xox', 'xapp-', 'hooks.slack.com/'),
  'openai-key': literals('sk-'),
  'private-key': literals('PRIVATE KEY'),
  'ip-address': [{ kind: 'dotted' }, { kind: 'colons' }],
}

/** The candidates of all detectors of a plan; null where a pattern of the policy's own may find something in any text. */
export function candidatesOf(detect: readonly DetectedMask[]): readonly Candidate[] | null {
  const found = detect.map(each =>
    each.pattern === undefined ? CANDIDATES[each.detector] : patternCandidates(each.pattern),
  )
  return found.includes(null) ? null : found.flatMap(candidates => candidates ?? [])
}

/** The letters that a pattern begins with, as `EMP-` of `EMP-\d{6}`. */
const OPENING = /^[A-Za-z0-9_-]+/
const REPEATS = /^[?{]/

function patternCandidates(pattern: string): readonly Candidate[] | null {
  const opening = OPENING.exec(pattern)?.[0] ?? ''
  const certain = REPEATS.test(pattern.slice(opening.length)) ? opening.slice(0, -1) : opening
  return certain === '' || pattern.includes('|') ? null : literals(certain)
}
