import type { Place } from '@querywarden/policy-core'
import type { Token } from './lex.ts'
import type { Node } from './node.ts'

/** Finds places in a statement's text. */
export interface Places {
  /** Where a node is: from its location to the end of the name or token there. The whole statement where it has none. */
  readonly of: (node: Node) => Place
  readonly whole: Place
}

/** Prepares the places of one statement. `start` and `end` are its bytes in `text`. */
export function placesIn(text: string, tokens: readonly Token[], start: number, end: number): Places {
  const offsets = byteOffsets(text)
  const first = nextSolid(tokens, tokenAt(tokens, start, offsets, 'begins'))
  // Before 18 a statement's stretch begins with the white space before it.
  const whole = { start: first < tokens.length ? offsets(startOf(tokens, first)) : start, end }

  // By the token that they begin with: the walk and the binding of names ask for the same ones.
  const known: (Place | undefined)[] = new Array(tokens.length)

  const of = (node: Node): Place => {
    const { location } = node
    // As in the server's own nodes, 0 is left out: it is the place of whatever the text begins with.
    if (typeof location !== 'number' || location < start) return whole
    let at = tokenAt(tokens, location, offsets, 'holds')
    const token = tokens[at]
    if (token === undefined || token.kind === 'space' || offsets(token.start) !== location) return whole
    const before = known[at]
    if (before !== undefined) return before
    const begin = at
    let last = token
    for (;;) {
      const dot = nextSolid(tokens, at + 1)
      if (text[startOf(tokens, dot)] !== '.') break
      const name = nextSolid(tokens, dot + 1)
      const named = tokens[name]
      if (named === undefined || !isName(named)) break
      at = name
      last = named
    }
    const place = { start: location, end: offsets(last.end) }
    known[begin] = place
    return place
  }
  return { of, whole }
}

const isName = ({ kind }: Token): boolean => kind === 'word' || kind === 'identifier'

const startOf = (tokens: readonly Token[], at: number): number => tokens[at]?.start ?? Number.POSITIVE_INFINITY

/** The index of the first token from there on that isn't white space. */
function nextSolid(tokens: readonly Token[], from: number): number {
  let at = from
  while (tokens[at]?.kind === 'space') at += 1
  return at
}

/** The index of the token that holds a byte, or of the first one that begins there or behind it. */
function tokenAt(
  tokens: readonly Token[],
  wanted: number,
  offsets: (unit: number) => number,
  by: 'holds' | 'begins',
): number {
  let low = 0
  let high = tokens.length
  while (low < high) {
    const middle = (low + high) >> 1
    const begins = offsets(startOf(tokens, middle))
    if (by === 'holds' ? begins <= wanted : begins < wanted) low = middle + 1
    else high = middle
  }
  return by === 'holds' ? low - 1 : low
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
