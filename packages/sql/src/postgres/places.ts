import type { Place } from '@querywarden/policy-core'
import type { Token } from './lex.ts'
import { type Node, numberAt } from './node.ts'

/** Finds places in a statement's text. */
export interface Places {
  /** Where a node is: from its location to the end of the name or token there. The whole statement where it has none. */
  readonly of: (node: Node) => Place
  readonly whole: Place
}

/** Prepares the places of one statement. `start` and `end` are its bytes in `text`. */
export function placesIn(text: string, tokens: readonly Token[], start: number, end: number): Places {
  const offsets = byteOffsets(text)
  const solid = tokens.filter(token => token.kind !== 'space')
  const starts = solid.map(token => offsets(token.start))
  // Before 18 a statement's stretch begins with the white space before it.
  const whole = { start: starts.find(at => at >= start) ?? start, end }

  const of = (node: Node): Place => {
    const location = numberAt(node, 'location')
    if (!('location' in node) || location < start) return whole
    let at = search(starts, location)
    if (at < 0 || starts[at] !== location) return whole
    while (isName(solid[at + 2]) && text[solid[at + 1]?.start ?? text.length] === '.') at += 2
    return { start: location, end: offsets(solid[at]?.end ?? text.length) }
  }
  return { of, whole }
}

const isName = (token: Token | undefined): boolean => token?.kind === 'word' || token?.kind === 'identifier'

/** The index of the last entry that isn't past the wanted one, or -1. */
function search(sorted: readonly number[], wanted: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Turns offsets in UTF-16 units into offsets in UTF-8 bytes. */
function byteOffsets(text: string): (unit: number) => number {
  if (Buffer.byteLength(text) === text.length) return unit => unit
  const table = new Uint32Array(text.length + 1)
  let bytes = 0
  for (let unit = 0; unit < text.length; unit++) {
    table[unit] = bytes
    const code = text.charCodeAt(unit)
    // Each half of a surrogate pair stands for two of the character's four bytes.
    bytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3
  }
  table[text.length] = bytes
  return unit => table[unit] ?? bytes
}
