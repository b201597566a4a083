import { printable } from './printable.ts'

/** Where a value stands in a document: keys and list positions, from the root. */
export type KeyPath = readonly (string | number)[]

/** A spot in a text file, line and column counted from 1. */
export interface TextLocation {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One thing that is wrong with a document. */
export interface PolicyIssue {
  readonly path: KeyPath
  /** What is wrong and what was expected; never the value itself. */
  readonly message: string
  /** Whether the trouble is the key at the end of the path, or what it holds. */
  readonly at: 'key' | 'value'
  /** Known where the document was read from text. */
  readonly location: TextLocation | null
  /** `warning`: worth a look, and no reason not to use the document. Absent: an error. */
  readonly severity?: 'warning'
}

const ISSUES_SHOWN_MAX = 50

/** `rules[2].what.effects`; the root is the empty text. */
export function formatPath(path: KeyPath): string {
  return path.reduce<string>((shown, key) => {
    if (typeof key === 'number') return `${shown}[${key}]`
    const name = /^[\w-]+$/.test(key) ? key : `"${printable(key)}"`
    return shown === '' ? name : `${shown}.${name}`
  }, '')
}

/** One issue on one line, as a compiler prints it: `policy.yaml:12:5: rules[2].what.efects: unknown key`. */
export function formatIssue({ path, message, location }: PolicyIssue): string {
  const spot = location === null ? null : `${printable(location.file)}:${location.line}:${location.column}`
  return [spot, formatPath(path), message].filter(part => part !== null && part !== '').join(': ')
}

/** Issues one per line; past the fiftieth only their number. */
export function formatIssues(issues: readonly PolicyIssue[]): string {
  const lines = issues.slice(0, ISSUES_SHOWN_MAX).map(formatIssue)
  const more = issues.length - lines.length
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
}

/**
 * A policy that can't be used. Its message has one issue per line; `issues` has the same as data.
 *
 * @example
 * try { parsePolicy(input) } catch (error) {
 *   if (error instanceof PolicyError) for (const issue of error.issues) report(issue.path, issue.message)
 * }
 */
export class PolicyError extends Error {
  override readonly name = 'PolicyError'
  readonly code = 'INVALID'
  readonly issues: readonly PolicyIssue[]

  constructor(issues: readonly PolicyIssue[]) {
    super(formatIssues(issues))
    this.issues = issues
  }
}
