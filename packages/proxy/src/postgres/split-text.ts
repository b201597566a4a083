import type { SessionCommand, Splitting } from '@querywarden/sql/postgres'

/** One statement of a client's text, comments blanked. */
export interface SplitStatement {
  readonly text: string
  /** Characters of the client's text before it. */
  readonly start: number
  /** What it does with objects that the client names, or null. */
  readonly command: SessionCommand | null
}

/** A text's statements, or nothing where the text can't be read: the gate then says why. */
export type Pieces = readonly SplitStatement[] | null

/** Splits a text, for somebody. Only what takes a while is a promise. */
export type SplitText = (text: string, asker: object) => Pieces | Promise<Pieces>

/** Splits with a bounded memory of short texts: drivers and applications repeat themselves. */
export function textSplitter(
  split: (text: string, asker: object) => Splitting | Promise<Splitting>,
  limits: { readonly entriesMax: number; readonly charsMax: number },
): SplitText {
  const known = new Map<string, readonly SplitStatement[]>()
  const keep = (text: string, splitting: Splitting): Pieces => {
    if (splitting.kind === 'opaque') return null
    const statements = withStartsInCharacters(text, splitting.statements)
    if (text.length <= limits.charsMax) {
      if (known.size >= limits.entriesMax) known.clear()
      known.set(text, statements)
    }
    return statements
  }
  return (text, asker) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const splitting = split(text, asker)
    return splitting instanceof Promise ? splitting.then(late => keep(text, late)) : keep(text, splitting)
  }
}

/** Error positions count characters (PostgreSQL manual, 54.8); offsets count bytes. One pass for all: there can be thousands. */
function withStartsInCharacters(text: string, statements: readonly SplitStatement[]): readonly SplitStatement[] {
  const bytes = Buffer.from(text)
  let at = 0
  let characters = 0
  return statements.map(({ start, ...statement }) => {
    for (; at < start; at++) if (isCharacterStart(bytes[at] ?? 0)) characters += 1
    return { ...statement, start: characters }
  })
}

/** Every byte of UTF-8 but a continuation starts a character (RFC 3629, section 3). */
const isCharacterStart = (byte: number): boolean => (byte & 0xc0) !== 0x80
