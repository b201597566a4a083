import { DIGITS, LETTERS, type Shape } from './shape.ts'

/** Sets of places, as bits. */
export type Places = bigint

/** Shapes taken apart: the places that bytes can stand in, and what may come behind each. */
export interface ShapePlaces {
  /** Whether the byte may stand there, place by place. */
  readonly accepts: readonly ((byte: number) => boolean)[]
  readonly follow: readonly Places[]
  /** Where a find can begin, at any byte. */
  readonly starts: Places
  /** Places behind which a find is complete. */
  readonly ends: Places
  /** The one place that no byte stands in: before the start of the text. */
  readonly textStart: Places
}

interface Fragment {
  readonly isNullable: boolean
  readonly first: Places
  readonly last: Places
}

const NOTHING: Fragment = { isNullable: true, first: 0n, last: 0n }
const FIRST_NON_ASCII = 0x80

/**
 * Takes shapes apart (V. M. Glushkov's construction). Without `hasEdges` every place counts as an edge: for bytes in
 * which what stands before a value is not text.
 */
export function shapePlaces(shapes: readonly Shape[], hasEdges: boolean): ShapePlaces {
  const accepts: ((byte: number) => boolean)[] = [() => false]
  const follow: Places[] = [0n]
  const place = (accept: (byte: number) => boolean): Places => {
    accepts.push(accept)
    follow.push(0n)
    return 1n << BigInt(accepts.length - 1)
  }
  const join = (from: Places, to: Places): void => {
    for (let index = 0; from >> BigInt(index) > 0n; index++) {
      if ((from >> BigInt(index)) & 1n) follow[index] = (follow[index] ?? 0n) | to
    }
  }
  const take = (shape: Shape): Fragment => {
    switch (shape.kind) {
      case 'byte': {
        const at = place(acceptOf(shape))
        return { isNullable: false, first: at, last: at }
      }
      case 'edge': {
        if (!hasEdges) return NOTHING
        const at = place(byte => !isWord(byte))
        return { isNullable: false, first: at, last: at | 1n }
      }
      case 'many': {
        const part = take(shape.part)
        join(part.last, part.first)
        return { ...part, isNullable: true }
      }
      case 'choice':
        return shape.parts.map(take).reduce((a, b) => ({
          isNullable: a.isNullable || b.isNullable,
          first: a.first | b.first,
          last: a.last | b.last,
        }))
      case 'sequence':
        return shape.parts.map(take).reduce((a, b) => {
          join(a.last, b.first)
          return {
            isNullable: a.isNullable && b.isNullable,
            first: a.isNullable ? a.first | b.first : a.first,
            last: b.isNullable ? a.last | b.last : b.last,
          }
        }, NOTHING)
    }
  }
  const all = shapes.map(take)
  return {
    accepts,
    follow,
    starts: all.reduce((starts, { first }) => starts | first, 0n),
    ends: all.reduce((ends, { last }) => ends | last, 0n),
    textStart: 1n,
  }
}

function acceptOf({ signs, isNonAscii }: Extract<Shape, { kind: 'byte' }>): (byte: number) => boolean {
  const codes = new Set(Array.from(signs, sign => sign.charCodeAt(0)))
  return byte => (byte >= FIRST_NON_ASCII ? isNonAscii : codes.has(byte))
}

const WORD = new Set(Array.from(`${DIGITS}${LETTERS}_`, sign => sign.charCodeAt(0)))
const isWord = (byte: number): boolean => WORD.has(byte)
