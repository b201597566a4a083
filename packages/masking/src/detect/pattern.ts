import { type RE2JS as Expression, RE2JS, RE2JSException } from 're2js'
import { MaskingError } from '../errors.ts'
import type { Stretch } from './rules.ts'

/** Instructions of the compiled expression: each character of a text is held against as many at most. */
const PROGRAM_MAX = 1_000

/**
 * Finds of a pattern, by an engine that keeps all states of the expression at once and never goes back: time grows with the
 * text, whatever the text. As repeats have bounds (policy-core checks that), so has each look beyond a find.
 *
 * Throws `BAD_PATTERN` where the pattern is no expression of RE2 (github.com/google/re2/wiki/Syntax) or too large a one.
 */
export function patternStretches(name: string, pattern: string): (text: string) => readonly Stretch[] {
  const compiled = compile(pattern)
  if (compiled.kind === 'bad') throw new MaskingError('BAD_PATTERN', `the pattern of detector ${name} ${compiled.why}`)
  const { expression } = compiled

  return text => {
    const matcher = expression.matcher(text)
    const found: Stretch[] = []
    while (matcher.find()) {
      const start = matcher.start()
      const end = matcher.end()
      if (end > start) found.push({ start, end })
    }
    return found
  }
}

/**
 * Why a pattern can't be one of a detector, or null where it can: for policy-core's `checkPattern`.
 *
 * @example
 * readPolicyYaml(text, { file, checkPattern: patternProblem })
 */
export function patternProblem(pattern: string): string | null {
  const compiled = compile(pattern)
  return compiled.kind === 'bad' ? compiled.why : null
}

type Compiled =
  | { readonly kind: 'good'; readonly expression: Expression }
  | { readonly kind: 'bad'; readonly why: string }

function compile(pattern: string): Compiled {
  try {
    const expression = RE2JS.compile(pattern)
    if (expression.programSize() > PROGRAM_MAX) return bad('is too large an expression, expected smaller repeats')
    if (expression.matches('')) return bad('matches the empty text, expected one that matches something')
    return { kind: 'good', expression }
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    // What follows is a piece of the pattern.
    const [why] = error.message.replace(/^error parsing regexp: /, '').split(': `')
    return bad(`is no expression of RE2: ${why}`)
  }
}

const bad = (why: string): Compiled => ({ kind: 'bad', why })
