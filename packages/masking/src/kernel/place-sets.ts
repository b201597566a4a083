import type { Places } from './shape-places.ts'

/** A set of places as words of 32 bits: what is done with thousands of them takes a fraction of the time that large integers take. */
export type PlaceSet = Uint32Array

const WORD_BITS = 32

/** The words of places, of which there are `count`. */
export const placeSet = (places: Places, count: number): PlaceSet =>
  Uint32Array.from({ length: Math.ceil(count / WORD_BITS) }, (_, word) =>
    Number(BigInt.asUintN(WORD_BITS, places >> BigInt(word * WORD_BITS))),
  )

/** Calls back for each place of a set. */
export function eachPlace(set: PlaceSet, visit: (place: number) => void): void {
  for (let word = 0; word < set.length; word++) {
    let left = set[word] ?? 0
    while (left !== 0) {
      const bit = WORD_BITS - 1 - Math.clz32(left)
      visit(word * WORD_BITS + bit)
      left &= ~(1 << bit)
    }
  }
}

/** Puts the places of `from` into `into`. */
export function addPlaces(into: PlaceSet, from: PlaceSet): void {
  for (let word = 0; word < into.length; word++) into[word] = (into[word] ?? 0) | (from[word] ?? 0)
}

/** Makes `into` what is in both of the sets. */
export function intersect(a: PlaceSet, b: PlaceSet, into: PlaceSet): void {
  for (let word = 0; word < into.length; word++) into[word] = (a[word] ?? 0) & (b[word] ?? 0)
}

/** Whether two sets have a place in common. */
export function meets(a: PlaceSet, b: PlaceSet): boolean {
  for (let word = 0; word < a.length; word++) if (((a[word] ?? 0) & (b[word] ?? 0)) !== 0) return true
  return false
}

/** Numbers sets from 0, in the order in which they are first asked about. */
export class SetNumbers {
  readonly sets: PlaceSet[] = []
  readonly #byHash = new Map<number, number[]>()

  /** The number of a set, which stays the caller's. */
  of(set: PlaceSet): number {
    const hash = hashOf(set)
    const alike = this.#byHash.get(hash)
    for (const number of alike ?? []) if (isSame(this.sets[number] ?? set, set)) return number
    const number = this.sets.push(set.slice()) - 1
    if (alike === undefined) this.#byHash.set(hash, [number])
    else alike.push(number)
    return number
  }
}

/** FNV-1a, a word at a time. */
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

function hashOf(set: PlaceSet): number {
  let hash = FNV_OFFSET
  for (let word = 0; word < set.length; word++) {
    hash = Math.imul(hash ^ (set[word] ?? 0), FNV_PRIME)
    hash ^= hash >>> 15
  }
  return hash
}

function isSame(a: PlaceSet, b: PlaceSet): boolean {
  for (let word = 0; word < b.length; word++) if (a[word] !== b[word]) return false
  return true
}
