import type { Splitting } from '@querywarden/sql/postgres'

/** One statement of a client's text, comments blanked. */
export interface SplitStatement {
  readonly text: string
  /** Characters of the client's text before it. */
  readonly start: number
}

/** A text's statements, or nothing where the text can't be read: the gate then says why. */
export type SplitText = (text: string) => readonly SplitStatement[] | null

/** Splits with a bounded memory of short texts: drivers and applications repeat themselves. */
export function textSplitter(
  split: (text: string) => Splitting,
  limits: { readonly entriesMax: number; readonly charsMax: number },
): SplitText {
  const known = new Map<string, readonly SplitStatement[]>()
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const splitting = split(text)
    if (splitting.kind === 'opaque') return null
    const statements = splitting.statements.map(one => ({ text: one.text, start: charactersBefore(text, one.start) }))
    if (text.length <= limits.charsMax) {
      if (known.size >= limits.entriesMax) known.clear()
      known.set(text, statements)
    }
    return statements
  }
}

/** Error positions count characters (PostgreSQL manual, 54.8); offsets count bytes. */
const charactersBefore = (text: string, byteOffset: number): number =>
  byteOffset === 0 ? 0 : [...Buffer.from(text).subarray(0, byteOffset).toString()].length
