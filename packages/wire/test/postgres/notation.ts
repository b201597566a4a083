export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Bytes as tests write them down: `'…'` is ASCII, the rest hex, and spaces are there for the eye. */
export function written(notation: string): Uint8Array {
  const parts = notation.match(/'[^']*'|[0-9a-f]{2}/g) ?? []
  return Uint8Array.from(
    parts.flatMap(part => (part.startsWith("'") ? [...ascii(part.slice(1, -1))] : [Number.parseInt(part, 16)])),
  )
}
