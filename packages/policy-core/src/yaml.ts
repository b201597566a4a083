import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml'
import { type KeyPath, PolicyError, type PolicyIssue, type TextLocation } from './errors.ts'
import { type PolicyReading, parsePolicy } from './policy/parse.ts'
import type { Policy } from './policy/policy.ts'

export type { KeyPath, PolicyIssue, TextLocation } from './errors.ts'
export { formatIssue, formatIssues, formatPath, PolicyError } from './errors.ts'

const CHARS_MAX = 524_288
const DEPTH_MAX = 32
const NODES_MAX = 100_000

/** How to read a document that isn't a policy. */
export interface YamlReading<T> {
  /** The name that issues call the text by. */
  readonly file: string
  /** Turns plain data into what is wanted, or throws an error that carries `issues`. */
  readonly parse: (input: unknown) => T
  /** Makes the error to throw from issues that have been given their places. */
  readonly fail: (issues: readonly PolicyIssue[]) => Error
}

/**
 * Reads a policy written in YAML.
 *
 * @throws {PolicyError} `INVALID`, with file, line, column and key path on every issue.
 * @example
 * const policy = readPolicyYaml(await readFile('policy.yaml', 'utf8'), { file: 'policy.yaml' })
 */
export const readPolicyYaml = (text: string, { file, ...reading }: PolicyReading & { readonly file: string }): Policy =>
  readYaml(text, { file, parse: input => parsePolicy(input, reading), fail: issues => new PolicyError(issues) })

/**
 * Reads one YAML document of plain data: no anchors, no aliases, no tags, no key twice, no key without a value.
 *
 * @throws what `fail` makes of the issues; anything else that `parse` throws passes through.
 * @example
 * const config = readYaml(text, { file: 'querywarden.yaml', parse: parseConfig, fail: issues => new ConfigError(issues) })
 */
export function readYaml<T>(text: string, { file, parse, fail }: YamlReading<T>): T {
  const source = readSource(text, file)
  if (source.kind === 'malformed') throw fail(source.issues)
  try {
    return parse(source.value)
  } catch (error) {
    if (!hasIssues(error)) throw error
    throw fail(inOrder(error.issues.map(issue => ({ ...issue, location: source.locate(issue) }))))
  }
}

type Source =
  | { readonly kind: 'malformed'; readonly issues: readonly PolicyIssue[] }
  | { readonly kind: 'plain'; readonly value: unknown; readonly locate: (issue: PolicyIssue) => TextLocation }

function readSource(text: string, file: string): Source {
  const lines = new LineCounter()
  const locationAt = (offset: number): TextLocation => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const issueAt = (offset: number, message: string, path: KeyPath = []): PolicyIssue => ({
    path,
    message,
    at: 'value',
    location: locationAt(offset),
  })
  const malformed = (...issues: readonly PolicyIssue[]): Source => ({ kind: 'malformed', issues: inOrder(issues) })

  if (text.length > CHARS_MAX) return malformed(issueAt(0, `longer than ${CHARS_MAX} characters`))
  const documents = parseDocuments(text, lines)
  if (documents === null) return malformed(issueAt(0, 'nested too deep to be read'))
  const [document, second] = documents
  if (document?.contents == null) return malformed(issueAt(0, 'empty, expected a mapping'))
  if (second !== undefined) return malformed(issueAt(second.range[0], 'expected one document in the file'))
  // What follows the first mistake in syntax is mostly its echo.
  const mistakes = document.errors.filter(({ code }, index) => index === 0 || code === 'DUPLICATE_KEY')
  if (mistakes.length > 0) return malformed(...mistakes.map(({ code, pos }) => issueAt(pos[0], MALFORMED[code])))
  const issues: PolicyIssue[] = []
  const value = plainData(document.contents, {
    nodesLeft: NODES_MAX,
    report: (node, path, message) => issues.push(issueAt(node.range?.[0] ?? 0, message, path)),
  })
  if (issues.length > 0) return malformed(...issues)
  const { contents } = document
  return { kind: 'plain', value, locate: issue => locationAt(offsetOf(contents, issue)) }
}

function parseDocuments(text: string, lineCounter: LineCounter): readonly Document.Parsed[] | null {
  try {
    const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false, stringKeys: true, schema: 'core' })
    return Array.isArray(documents) ? documents : []
  } catch (error) {
    // The parser recurses: brackets without end exhaust the stack.
    if (error instanceof RangeError) return null
    throw error
  }
}

interface Conversion {
  nodesLeft: number
  readonly report: (node: Node, path: KeyPath, message: string) => void
}

/** The data of a document, by our own walk: what YAML can do beyond plain data is reported, not done. */
function plainData(node: Node | null, conversion: Conversion, path: KeyPath = []): unknown {
  if (node === null) return null
  conversion.nodesLeft -= 1
  const trouble = troubleWith(node, conversion, path)
  if (trouble !== null) {
    // Once the budget is spent, once is enough.
    if (conversion.nodesLeft >= -1) conversion.report(node, path, trouble)
    return null
  }
  if (isScalar(node)) return node.value
  if (isSeq<Node>(node)) return node.items.map((item, index) => plainData(item, conversion, [...path, index]))
  if (!isMap<Node, Node | null>(node)) return null
  return Object.fromEntries(
    node.items.map(({ key, value }) => {
      const name = keyText(key)
      if (isBlank(value)) conversion.report(key, [...path, name], 'key without a value')
      if ('anchor' in key && key.anchor !== undefined) conversion.report(key, [...path, name], ANCHOR)
      return [name, plainData(value, conversion, [...path, name])]
    }),
  )
}

const ANCHOR = 'anchors and aliases are not read, write it out'

function troubleWith(node: Node, { nodesLeft }: Conversion, path: KeyPath): string | null {
  if (nodesLeft < 0) return `more than ${NODES_MAX} values`
  if (path.length > DEPTH_MAX) return `nested more than ${DEPTH_MAX} deep`
  if (isAlias(node)) return ANCHOR
  if ('anchor' in node && node.anchor !== undefined) return ANCHOR
  if (node.tag !== undefined) return 'tags are not read, leave it out'
  return null
}

/** `key:` with nothing after it. Written out as `null` or `~` it is a value like any other. */
const isBlank = (value: Node | null): boolean =>
  value === null || (isScalar(value) && value.value === null && (value.source ?? '') === '')

const keyText = (key: Node): string => (isScalar(key) ? String(key.value) : '')

/** Where an issue's path leads, or as near to it as the document goes. */
function offsetOf(root: Node, { path, at }: PolicyIssue): number {
  let node: Node | null = root
  let offset = root.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    const pair: Pair<Node, Node | null> | null = isMap<Node, Node | null>(node) ? pairOf(node, step) : null
    const next: Node | null | undefined = pair === null ? itemOf(node, step) : pair.value
    if (next === undefined) break
    const isLast = depth === path.length - 1
    const shown: Node | null = pair !== null && (next === null || (isLast && at === 'key')) ? pair.key : next
    offset = shown?.range?.[0] ?? offset
    node = next
  }
  return offset
}

const pairOf = (map: YAMLMap<Node, Node | null>, step: string | number): Pair<Node, Node | null> | null =>
  map.items.find(item => isPair(item) && keyText(item.key) === step) ?? null

const itemOf = (node: Node | null, step: string | number): Node | undefined =>
  isSeq<Node>(node) && typeof step === 'number' ? node.items[step] : undefined

const inOrder = (issues: readonly PolicyIssue[]): readonly PolicyIssue[] =>
  [...issues].sort(
    ({ location: a }, { location: b }) => (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0),
  )

const hasIssues = (error: unknown): error is { readonly issues: readonly PolicyIssue[] } =>
  error instanceof Error && 'issues' in error && Array.isArray(error.issues)

/** What the parser's codes mean to an author. Its own messages may quote the text, and a text may hold a secret. */
const MALFORMED: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: ANCHOR,
  BAD_ALIAS: ANCHOR,
  BAD_COLLECTION_TYPE: 'tags are not read, leave it out',
  BAD_DIRECTIVE: 'directives are not read, leave it out',
  BAD_DQ_ESCAPE: 'unknown escape in a double-quoted text',
  BAD_INDENT: 'wrong indentation, or a bracket that is never closed',
  BAD_PROP_ORDER: 'malformed YAML, expected the value here',
  BAD_SCALAR_START: 'a text that starts with this character must be quoted',
  BLOCK_AS_IMPLICIT_KEY:
    'malformed YAML, a nested mapping starts on a line of its own, or the next line is indented too far',
  BLOCK_IN_FLOW: 'malformed YAML, expected the bracket to be closed first',
  DUPLICATE_KEY: 'key given twice',
  IMPOSSIBLE: 'malformed YAML',
  KEY_OVER_1024_CHARS: 'key too long',
  MISSING_CHAR:
    'malformed YAML, a colon, comma, bracket or quote is missing, or this line is indented unlike its neighbours',
  MULTILINE_IMPLICIT_KEY: 'malformed YAML, a key stands on one line',
  MULTIPLE_ANCHORS: ANCHOR,
  MULTIPLE_DOCS: 'expected one document in the file',
  MULTIPLE_TAGS: 'tags are not read, leave it out',
  NON_STRING_KEY: 'malformed YAML, a key must be a text',
  RESOURCE_EXHAUSTION: 'nested too deep to be read',
  TAB_AS_INDENT: 'indented by a tab, expected blanks',
  TAG_RESOLVE_FAILED: 'tags are not read, leave it out',
  UNEXPECTED_TOKEN: 'malformed YAML, unexpected text here',
}
