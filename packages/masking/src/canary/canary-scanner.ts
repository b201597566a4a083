import { MaskingError } from '../errors.ts'
import { CANARY_BYTES_MIN, canaryForms } from './canary-forms.ts'
import { CanaryStream } from './canary-stream.ts'
import { patternSearch, type Search } from './pattern-search.ts'

/** A value that was put into a database for nobody to see. */
export interface Canary {
  /** What an alarm calls it. Never the value. */
  readonly name: string
  readonly value: string
}

/** In bytes of UTF-8. */
const CANARY_BYTES_MAX = 1_024
/** What one scanner looks for. */
const CANARIES_MAX = 64

/** Looks for canaries in bytes. */
export interface CanaryScanner {
  /** The name of a canary that stands in `bytes[start, end)`, or null. */
  readonly find: Search
  /** The same for a value by itself: the gate's `watch` hook, for embedders. */
  readonly cell: (cell: Uint8Array | string) => string | null
  /** Looks through bytes that come in pieces. */
  readonly stream: () => CanaryStream
  /** The longest form of any of them. */
  readonly bytesMax: number
}

/**
 * Makes what looks for canaries, in all their {@link canaryForms | forms}, at about a gigabyte a second (bench/canaries.mjs).
 * An alarm on a value that nobody may see: where one is on its way out, something reads what it must not.
 *
 * @throws MaskingError `BAD_CANARY`: a value is too short or too long, or there are none or too many
 * @example
 * ```ts
 * const scanner = canaryScanner([{ name: 'planted customer', value: 'zebra-4417-quartz' }])
 * scanner.find(chunk, 0, chunk.length) // 'planted customer', or null
 * ```
 */
export function canaryScanner(canaries: readonly Canary[]): CanaryScanner {
  if (canaries.length === 0 || canaries.length > CANARIES_MAX)
    throw new MaskingError('BAD_CANARY', `${canaries.length} canaries, expected 1 to ${CANARIES_MAX}`)
  const patterns = canaries.flatMap(({ name, value }) => {
    const length = Buffer.byteLength(value)
    if (length < CANARY_BYTES_MIN || length > CANARY_BYTES_MAX || value.includes('\0')) {
      const expected = `expected ${CANARY_BYTES_MIN} to ${CANARY_BYTES_MAX} without NUL`
      throw new MaskingError('BAD_CANARY', `canary \`${name}\` has ${length} bytes, ${expected}`)
    }
    return canaryForms(value).map(bytes => ({ name, bytes }))
  })
  const find = patternSearch(patterns)
  const bytesMax = Math.max(...patterns.map(({ bytes }) => bytes.length))
  return {
    find,
    cell: cell => {
      const bytes = typeof cell === 'string' ? Buffer.from(cell) : cell
      return find(bytes, 0, bytes.length)
    },
    bytesMax,
    stream: () => new CanaryStream(find, bytesMax),
  }
}
