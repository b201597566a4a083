import { type DecodeOptions, decode, decodeFirst } from 'cborg'
import { RecordingError } from '../errors.ts'
import { CborWriter } from './cbor-writer.ts'

/** What this format puts in CBOR: RFC 8949 section 4.2.1, core deterministic encoding, no tags, no undefined. */
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue }

export type CborMap = { readonly [key: string]: CborValue }

/**
 * One value has one encoding, so that equal accounts have equal digests.
 *
 * @throws RecordingError MALFORMED on NaN and infinities, which readers refuse.
 */
export function encodeCbor(value: CborValue): Buffer {
  const writer = new CborWriter(FIRST_BYTES)
  writer.value(value)
  return writer.written
}

const FIRST_BYTES = 256

const STRICT: DecodeOptions = {
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
  strict: true,
  useMaps: true,
}

/** Reads one CBOR map. Maps come back as `Map`, so that no key can reach a prototype. */
export function decodeCborMap(bytes: Uint8Array, what: string): Fields {
  let value: unknown
  try {
    value = decode(bytes, STRICT)
  } catch (cause) {
    throw new RecordingError('MALFORMED', `${what} isn't deterministic CBOR`, { cause })
  }
  return new Fields(value, what)
}

/** Reads CBOR values that follow each other until the bytes end (a CBOR sequence, RFC 8742). */
export function decodeCborSequence(bytes: Uint8Array, what: string): readonly unknown[] {
  const values: unknown[] = []
  try {
    for (let rest = bytes; rest.length > 0; ) {
      const [value, more]: [unknown, Uint8Array] = decodeFirst(rest, STRICT)
      values.push(value)
      rest = more
    }
  } catch (cause) {
    throw new RecordingError('MALFORMED', `${what} aren't deterministic CBOR`, { cause })
  }
  return values
}

/** Reads named fields out of a decoded map; a field that is absent or of another type is MALFORMED. Unknown keys are ignored: later versions add some. */
export class Fields {
  readonly #map: ReadonlyMap<unknown, unknown>
  readonly #what: string

  constructor(value: unknown, what: string) {
    if (!(value instanceof Map)) throw new RecordingError('MALFORMED', `${what} isn't a CBOR map`)
    this.#map = value
    this.#what = what
  }

  /** The fields of both; where both have one, the other's. */
  over(other: Fields): Fields {
    return new Fields(new Map([...this.#map, ...other.#map]), this.#what)
  }

  string(key: string): string {
    const value = this.#map.get(key)
    return typeof value === 'string' ? value : this.#bad(key, 'a string')
  }

  number(key: string): number {
    const value = this.#map.get(key)
    return typeof value === 'number' ? value : this.#bad(key, 'a number')
  }

  boolean(key: string): boolean {
    const value = this.#map.get(key)
    return typeof value === 'boolean' ? value : this.#bad(key, 'a boolean')
  }

  bytes(key: string): Uint8Array {
    const value = this.#map.get(key)
    return value instanceof Uint8Array ? value : this.#bad(key, 'bytes')
  }

  fields(key: string): Fields {
    return new Fields(this.#map.get(key), `${this.#what}.${key}`)
  }

  list<T>(key: string, read: (value: unknown, what: string) => T): readonly T[] {
    const value = this.#map.get(key)
    if (!Array.isArray(value)) return this.#bad(key, 'a list')
    return value.map(item => read(item, `${this.#what}.${key}`))
  }

  strings(key: string): readonly string[] {
    return this.list(key, item => (typeof item === 'string' ? item : this.#bad(key, 'a list of strings')))
  }

  /** `null` and absent are the same: a later version may leave out what has nothing to say. */
  maybe<T>(key: string, read: (key: string) => T): T | null {
    const value = this.#map.get(key)
    return value === null || value === undefined ? null : read(key)
  }

  /** One of the words a type allows, or MALFORMED. */
  oneOf<T extends string>(key: string, words: readonly T[]): T {
    const value = this.string(key)
    return words.find(word => word === value) ?? this.#bad(key, `one of ${words.join(', ')}`)
  }

  /** A map of strings to strings, as pairs. */
  textPairs(key: string): readonly (readonly [string, string])[] {
    const value = this.#map.get(key)
    if (!(value instanceof Map)) return this.#bad(key, 'a map of strings')
    return [...value].map(([k, v]) =>
      typeof k === 'string' && typeof v === 'string' ? ([k, v] as const) : this.#bad(key, 'a map of strings'),
    )
  }

  #bad(key: string, expected: string): never {
    throw new RecordingError('MALFORMED', `${this.#what}: \`${key}\` isn't ${expected}`)
  }
}
