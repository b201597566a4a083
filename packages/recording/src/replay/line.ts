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
  if (columns === null) return [painted(spans, look)]
  const lines: Span[][] = [[]]
  let [used, isFresh] = [0, true]
  const put = (text: string, role: Role | null): void => {
    lines.at(-1)?.push(span(text, role))
    used += widthOf(text)
  }
  const wrap = (): void => {
    lines.push([])
    used = 0
    put(hang, 'quiet')
    isFresh = true
  }
  for (const { role, text } of spans) {
    for (const word of text.split(/(?<= )/)) {
      // A blank at the end of a line need not fit.
      if (!isFresh && used + widthOf(word.trimEnd()) > columns) wrap()
      let rest = word
      while (widthOf(rest.trimEnd()) > columns - used && rest.length > 0) {
        const [head, tail] = splitAt(rest, Math.max(columns - used, 1))
        put(head, role)
        rest = tail
        wrap()
      }
      put(rest, role)
      isFresh = false
    }
  }
  return lines.map(one => painted(one, look))
}

/** Stretches of one role are painted as one. */
function painted(spans: readonly Span[], look: Look): string {
  const joined: Span[] = []
  for (const one of spans) {
    const last = joined.at(-1)
    if (last === undefined || last.role !== one.role) joined.push(one)
    else joined[joined.length - 1] = span(last.text + one.text, one.role)
  }
  return joined.map(({ role, text }) => (role === null || text === '' ? text : look(role, text))).join('')
}
