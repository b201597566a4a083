import type { KeyPath, PolicyIssue } from '../errors.ts'

/** What a zod 4 issue holds that matters here; the shape is zod's, the type is ours, so that no caller needs zod's. */
export interface SchemaIssue {
  readonly code?: string | undefined
  readonly path?: readonly PropertyKey[] | undefined
  readonly message?: string | undefined
  readonly expected?: unknown
  readonly values?: readonly unknown[] | undefined
  readonly options?: readonly unknown[] | undefined
  readonly origin?: string | undefined
  readonly minimum?: number | bigint | undefined
  readonly maximum?: number | bigint | undefined
  readonly keys?: readonly string[] | undefined
  readonly errors?: readonly (readonly SchemaIssue[])[] | undefined
}

/**
 * Options for a strict object schema, so that an unknown key is answered with the known one that it looks like.
 *
 * @example
 * const shape = { groups: z.array(z.string()) }
 * const schema = z.strictObject(shape, knownKeys(shape))
 */
export function knownKeys(shape: Readonly<Record<string, unknown>>): {
  error: (issue: SchemaIssue) => string | undefined
} {
  const known = Object.keys(shape)
  return {
    // One line per key, in the order of `keys`: issuesOf takes them apart again.
    error: issue =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys ?? []).map(key => `unknown key, ${suggestion(key, known)}`).join('\n')
        : undefined,
  }
}

/**
 * The issues of a failed zod parse, in our words: one issue per unknown key, never the value itself.
 *
 * @example
 * const parsed = schema.safeParse(input)
 * if (!parsed.success) throw new PolicyError(issuesOf(parsed.error.issues, input))
 */
export const issuesOf = (issues: readonly SchemaIssue[], input: unknown): readonly PolicyIssue[] =>
  issues.flatMap(issue => flatten(issue, input, []))

function flatten(issue: SchemaIssue, input: unknown, root: KeyPath): readonly PolicyIssue[] {
  const path = [...root, ...(issue.path ?? []).map(key => (typeof key === 'number' ? key : String(key)))]
  if (issue.code === 'unrecognized_keys') return unknownKeys(issue, path)
  const branch = likeliestBranch(issue)
  if (branch !== null) return branch.flatMap(inner => flatten(inner, input, path))
  const message = isMissing(input, path) ? `missing, ${messageOf(issue)}` : messageOf(issue)
  return [{ path, message, at: 'value', location: null }]
}

function isMissing(input: unknown, path: KeyPath): boolean {
  let value: unknown = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return true
    value = Reflect.get(value, key)
  }
  return value === undefined
}

/** `did you mean effects?` where one is near enough, else the whole list. */
export const suggestion = (written: string, known: readonly string[]): string => {
  const near = nearestOf(written, known)
  return near === null ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`
}

/** The name that was most likely meant; null where none is near enough. */
export function nearestOf(written: string, known: readonly string[]): string | null {
  const near = known
    .map(name => ({ name, distance: editDistance(written.slice(0, 64).toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return near !== undefined && near.distance <= Math.max(1, Math.floor(near.name.length / 3)) ? near.name : null
}

function unknownKeys(issue: SchemaIssue, path: KeyPath): readonly PolicyIssue[] {
  const messages = (issue.message ?? '').split('\n')
  return (issue.keys ?? []).map((key, index) => ({
    path: [...path, key],
    message: messages[index] ?? 'unknown key',
    at: 'key',
    location: null,
  }))
}

/** Of a union's branches, the only one that fits the value at its root: its complaints are what the author needs. */
function likeliestBranch({ errors = [] }: SchemaIssue): readonly SchemaIssue[] | null {
  const fitting = errors.filter(branch => !branch.some(issue => isAboutRoot(issue, ['invalid_type'])))
  const near = fitting.filter(branch => !branch.some(issue => isAboutRoot(issue, ['invalid_type', 'invalid_value'])))
  const [branch, ...others] = near.length > 0 ? near : fitting
  return branch !== undefined && others.length === 0 ? branch : null
}

const isAboutRoot = ({ code = '', path = [] }: SchemaIssue, codes: readonly string[]): boolean =>
  path.length === 0 && codes.includes(code)

function messageOf(issue: SchemaIssue): string {
  // A message that isn't zod's own was written for exactly this place.
  if (issue.message !== undefined && !/^(?:Invalid|Too) /.test(issue.message)) return issue.message
  const unit = issue.origin === 'array' ? 'entries' : issue.origin === 'string' ? 'characters' : ''
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${nounOf(issue.expected)}`
    case 'invalid_value':
      return `expected ${oneOf(issue.values ?? [])}`
    case 'invalid_union':
      return issue.options === undefined ? 'invalid' : `expected ${oneOf(issue.options)}`
    case 'too_small':
      return issue.minimum === 1 && unit !== ''
        ? 'must not be empty'
        : `expected at least ${issue.minimum} ${unit}`.trim()
    case 'too_big':
      return `expected at most ${issue.maximum} ${unit}`.trim()
    default:
      return 'invalid'
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list, such as [one, two]',
  string: 'a text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
}
const nounOf = (expected: unknown): string => NOUNS[String(expected)] ?? String(expected)

const oneOf = (values: readonly unknown[]): string =>
  values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(', ')}`

/** Levenshtein's distance, with a swap of neighbours counted as one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const edits = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost]
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits.push((before[j - 2] ?? 0) + 1)
      row.push(Math.min(...edits))
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
