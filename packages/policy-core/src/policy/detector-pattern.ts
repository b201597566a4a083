import type { KeyPath, PolicyIssue } from '../errors.ts'
import { DETECTORS, type DetectorPattern } from '../mask.ts'
import type { Policy } from './policy.ts'

/** Longer ones are programs. */
export const PATTERN_CHARS_MAX = 256

/**
 * Why a pattern can't be one of a detector, as far as its text alone tells; null where it can. Repeats must have a bound:
 * a find is then of bounded length, and looking for all finds takes time in proportion to the text. Whether it is an
 * expression at all is for the engine to say, see {@link PolicyReading.checkPattern}.
 */
export function patternTrouble(pattern: string): string | null {
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at)
    const sign = rest.charAt(0)
    if (sign === '\\') at += ESCAPED.exec(rest)?.[0].length ?? 1
    else if (sign === '[') at += CLASS.exec(rest)?.[0].length ?? 1
    else if (UNBOUNDED.test(rest)) return `repeats without a bound at character ${at + 1}, expected one such as {1,64}`
    else at++
  }
  return null
}

/** A literal run, or an escape of one sign (RE2 syntax, github.com/google/re2/wiki/Syntax). */
const ESCAPED = /^\\(?:Q(?:(?!\\E)[\s\S])*(?:\\E)?|[\s\S])/
const CLASS = /^\[\^?\]?(?:\[:\^?[a-z]+:\]|\\[\s\S]|[^\]\\])*\]/
const UNBOUNDED = /^(?:[*+]|\{\d+,\})/

/** What the engine makes of a pattern: why it takes it not, or null. */
export type CheckPattern = (pattern: string) => string | null

/** What an engine says against the patterns of a policy. */
export const engineIssues = (policy: Policy, check: CheckPattern): readonly PolicyIssue[] =>
  placedPatterns(policy).flatMap(({ name, pattern, path }) => {
    const why = check(pattern)
    return why === null ? [] : [issue(path, `the pattern of ${name} ${why}`)]
  })

/** Two patterns of one name: explanations and recordings would tell of the one by the name of the other. */
export function ambiguousNames(policy: Policy): readonly PolicyIssue[] {
  const first = new Map<string, string>()
  return placedPatterns(policy).flatMap(({ name, pattern, path }) => {
    if (BUILT_IN.has(name)) return [issue(path, `${name} is a detector already, expected a name of its own`)]
    const known = first.get(name)
    if (known === undefined) first.set(name, pattern)
    return known === undefined || known === pattern ? [] : [issue(path, `${name} is given two patterns`)]
  })
}

const BUILT_IN: ReadonlySet<string> = new Set(DETECTORS)

const placedPatterns = ({ masks }: Policy): readonly (DetectorPattern & { readonly path: KeyPath })[] =>
  masks.flatMap((entry, index) =>
    entry.kind === 'detect'
      ? (entry.patterns ?? []).map(pattern => ({ ...pattern, path: ['masks', index, 'detect'] }))
      : [],
  )

const issue = (path: KeyPath, message: string): PolicyIssue => ({ path, message, at: 'value', location: null })
