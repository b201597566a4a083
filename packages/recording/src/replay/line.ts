import type { Look, Role } from './look.ts'
import { splitAt, widthOf } from './visible.ts'

/** A stretch of a line. `role: null` is plain. Its text is made visible already. */
export interface Span {
  readonly role: Role | null
  readonly text: string
}

/** One line of a replay, before it is fitted into a terminal. */
export interface Line {
  readonly spans: readonly Span[]
  /** What further lines begin with, where it takes more than one. */
  readonly hang: string
}

export const span = (text: string, role: Role | null = null): Span => ({ role, text })

export const line = (spans: string | readonly Span[], hang = ''): Line => ({
  spans: typeof spans === 'string' ? [span(spans)] : spans,
  hang,
})

/** A line as text, in as many terminal lines as it takes; null: a terminal without end. */
export function shown({ spans, hang }: Line, columns: number | null, look: Look): readonly string[] {
  if (columns === null) return [spans.map(one => painted(one, look)).join('')]
  const lines: string[] = []
  let [current, used, isFresh] = ['', 0, true]
  const wrap = (): void => {
    lines.push(current)
    ;[current, used, isFresh] = [look('quiet', hang), widthOf(hang), true]
  }
  for (const { role, text } of spans) {
    for (const word of text.split(/(?<= )/)) {
      // A blank at the end of a line need not fit.
      if (!isFresh && used + widthOf(word.trimEnd()) > columns) wrap()
      let rest = word
      while (widthOf(rest.trimEnd()) > columns - used && rest.length > 0) {
        const [head, tail] = splitAt(rest, Math.max(columns - used, 1))
        current += painted({ role, text: head }, look)
        rest = tail
        wrap()
      }
      current += painted({ role, text: rest }, look)
      used += widthOf(rest)
      isFresh = false
    }
  }
  return [...lines, current]
}

const painted = ({ role, text }: Span, look: Look): string => (role === null || text === '' ? text : look(role, text))
