const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Where a quoted piece that begins at `at` ends, its closing quote included, or -1. Backslashes escape. */
export function quotedEnd(text: string, at: number): number {
  for (let position = at + 1; position < text.length; position++) {
    const unit = text.charCodeAt(position)
    if (unit === QUOTE) return position + 1
    if (unit === BACKSLASH) position++
  }
  return -1
}
