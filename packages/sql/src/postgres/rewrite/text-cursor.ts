import type { Token } from '../lex.ts'

/** The tokens of a text without spaces, found by their places in UTF-8 bytes. */
export interface TextCursor {
  /** The index of the token that begins at a byte, or null. */
  readonly at: (byte: number) => number | null
  /** The text of a token as written; empty past either end. */
  readonly textOf: (index: number) => string
  /** A bare word in lower case; empty for anything else, so that a quoted name is never taken for a keyword. */
  readonly wordAt: (index: number) => string
  readonly isName: (index: number) => boolean
  readonly startOf: (index: number) => number
  readonly endOf: (index: number) => number
}

export function textCursor(text: string, tokens: readonly Token[]): TextCursor {
  const solid: { readonly token: Token; readonly start: number; readonly end: number }[] = []
  const indexes = new Map<number, number>()
  let byte = 0
  for (const token of tokens) {
    const start = byte
    byte += Buffer.byteLength(text.slice(token.start, token.end))
    if (token.kind === 'space') continue
    indexes.set(start, solid.length)
    solid.push({ token, start, end: byte })
  }
  const textOf = (index: number): string => {
    const token = solid[index]?.token
    return token === undefined ? '' : text.slice(token.start, token.end)
  }
  return {
    at: place => indexes.get(place) ?? null,
    textOf,
    wordAt: index => (solid[index]?.token.kind === 'word' ? textOf(index).toLowerCase() : ''),
    isName: index => solid[index]?.token.kind === 'word' || solid[index]?.token.kind === 'identifier',
    startOf: index => solid[index]?.start ?? byte,
    endOf: index => solid[index]?.end ?? byte,
  }
}

/** The tokens of a dotted name. `after` is the first token behind it. */
export interface DottedName {
  /** Where each part begins. */
  readonly parts: readonly number[]
  readonly after: number
}

/** Reads a dotted name, with UESCAPE where a part has it. A star may be its last part. Null where there is no name. */
export function dottedName(cursor: TextCursor, from: number): DottedName | null {
  const parts: number[] = []
  for (let at = from; ; at += 1) {
    const isStar = parts.length > 0 && cursor.textOf(at) === '*'
    if (!cursor.isName(at) && !isStar) return null
    const isUnicode = /^u&"/i.test(cursor.textOf(at))
    parts.push(at)
    at += 1
    if (isUnicode && cursor.wordAt(at) === 'uescape') at += 2
    if (isStar || cursor.textOf(at) !== '.') return { parts, after: at }
  }
}
