import type { ColumnName } from '../facts.ts'
import { isGlob, matchGlob } from './glob.ts'

/** One part of a dotted pattern. A quoted part is taken as it is; in a plain one `*` stands for any run of characters. */
type PatternPart = { readonly kind: 'exact'; readonly name: string } | { readonly kind: 'glob'; readonly glob: string }

/** A pattern over names of a fixed number of parts. */
export interface Pattern {
  /** Whether names with these parts match. The number of parts is the pattern's own. */
  readonly matches: (names: readonly string[]) => boolean
  /** Whether the last part matches, whatever the others. */
  readonly matchesLast: (name: string) => boolean
  /** Whether the parts before the last match, whatever the last. */
  readonly matchesFirst: (names: readonly string[]) => boolean
  /** Whether it matches whatever the last part is, behind these. */
  readonly coversAll: (names: readonly string[]) => boolean
  /** The parts that hold no wildcard, in their places. */
  readonly fixed: readonly (string | null)[]
  /** The names themselves where the pattern holds no wildcard. */
  readonly exact: readonly string[] | null
}

// A part is either quoted, with "" for a quote in it, or free of quotes, dots, blanks and control characters.
const PART = /"((?:[^"]|"")+)"|([^".\s\p{Cc}]+)/uy

/**
 * Reads `schema.relation`, `*.orders`, `public."Odd.Name"`. Names are compared as the catalog stores them, case and all.
 * Gives null where the text isn't a pattern of exactly `partCount` parts.
 */
export function readPattern(text: string, partCount: number): Pattern | null {
  const parts = splitPattern(text)
  return parts === null || parts.length !== partCount ? null : patternOf(parts)
}

/** Reads a pattern of three parts and gives the one of its first two: the relation of `schema.relation.column`. */
export function readRelationOf(text: string): Pattern | null {
  const parts = splitPattern(text)
  return parts === null || parts.length !== 3 ? null : patternOf(parts.slice(0, 2))
}

function patternOf(parts: readonly PatternPart[]): Pattern {
  const names = parts.flatMap(part => (part.kind === 'exact' ? [part.name] : []))
  return {
    matches: candidates => parts.every((part, index) => matchesPart(part, candidates[index] ?? '')),
    matchesLast: name => parts.slice(-1).every(part => matchesPart(part, name)),
    matchesFirst: first => isMatchOfFirst(parts, first),
    coversAll: first => isMatchOfFirst(parts, first) && isEverything(parts.at(-1)),
    fixed: parts.map(part => (part.kind === 'exact' ? part.name : null)),
    exact: names.length === parts.length ? names : null,
  }
}

const isMatchOfFirst = (parts: readonly PatternPart[], names: readonly string[]): boolean =>
  parts.slice(0, -1).every((part, index) => matchesPart(part, names[index] ?? ''))

const isEverything = (part: PatternPart | undefined): boolean => part?.kind === 'glob' && /^\*+$/.test(part.glob)

function splitPattern(text: string): readonly PatternPart[] | null {
  const parts: PatternPart[] = []
  let at = 0
  while (true) {
    PART.lastIndex = at
    const found = PART.exec(text)
    if (found === null) return null
    const [whole, quoted, plain = ''] = found
    if (quoted !== undefined) parts.push({ kind: 'exact', name: quoted.replaceAll('""', '"') })
    else parts.push(isGlob(plain) ? { kind: 'glob', glob: plain } : { kind: 'exact', name: plain })
    at += whole.length
    if (at === text.length) return parts
    if (text[at] !== '.') return null
    at += 1
  }
}

const matchesPart = (part: PatternPart, name: string): boolean =>
  part.kind === 'exact' ? part.name === name : matchGlob(part.glob, name)

/**
 * Reads the name of a column as policies write it: `public.customers.email`, `public."Odd.Name".id`. Null where it isn't
 * one of three parts, or has a wildcard.
 *
 * @example
 * readColumnName('public.customers.email') // { schema: 'public', name: 'customers', column: 'email' }
 */
export function readColumnName(text: string): ColumnName | null {
  const [schema, name, column] = readPattern(text, 3)?.exact ?? []
  return schema === undefined || name === undefined || column === undefined ? null : { schema, name, column }
}
