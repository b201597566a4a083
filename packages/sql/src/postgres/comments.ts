import type { Token } from './lex.ts'

/** What comment blanking gave: the text with spaces for comments, or where it would change what the text means. */
export type Blanking =
  | { readonly kind: 'blanked'; readonly text: string }
  /** `at`: in UTF-16 units. */
  | { readonly kind: 'ambiguous'; readonly at: number }

/**
 * Replaces each comment by as many spaces as it has bytes, keeping its newlines, so that every offset stays what it was.
 * A bracketed comment between two literals keeps the server from joining them and spaces with a newline don't, so
 * such a text is ambiguous.
 *
 * @example
 * blankComments('select 1 -- one', lex('select 1 -- one')) // { kind: 'blanked', text: 'select 1       ' }
 */
export function blankComments(text: string, tokens: readonly Token[]): Blanking {
  if (!tokens.some(isComment)) return { kind: 'blanked', text }
  const parts: string[] = []
  let afterString: 'no' | 'yes' | 'comment' = 'no'
  for (const { kind, start, end } of tokens) {
    const part = text.slice(start, end)
    if (kind === 'block-comment' || kind === 'line-comment') {
      parts.push(blank(part))
      if (kind === 'block-comment' && afterString === 'yes') afterString = 'comment'
      continue
    }
    parts.push(part)
    if (kind === 'space') continue
    if (kind !== 'string') afterString = 'no'
    else if (afterString === 'comment' && part.startsWith("'")) return { kind: 'ambiguous', at: start }
    else afterString = part.endsWith("'") ? 'yes' : 'no'
  }
  return { kind: 'blanked', text: parts.join('') }
}

const isComment = ({ kind }: Token): boolean => kind === 'block-comment' || kind === 'line-comment'

const blank = (comment: string): string =>
  comment.replace(/[^\n\r]/gu, character => ' '.repeat(Buffer.byteLength(character)))
