import { createHash } from 'node:crypto'
import { RecordingError } from '../errors.ts'

/** SHA-256. */
export const HASH_BYTES = 32
// RFC 6962 section 2.1: a leaf is hashed behind 0x00 and a node behind 0x01, so that neither passes for the other.
const NODE_PREFIX = Buffer.of(1)

/** The hash of a node of an RFC 6962 tree. */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  createHash('sha256').update(NODE_PREFIX).update(left).update(right).digest()

/** The root of a tree without leaves: the hash of nothing (RFC 6962 section 2.1). */
export const EMPTY_ROOT: Uint8Array = createHash('sha256').digest()

/**
 * The root of a tree that grows, leaf by leaf, in memory for one hash a level.
 *
 * @example
 * const tree = new MerkleRoot()
 * for await (const frame of frames) tree.append(leafHash(frame))
 * tree.root()
 */
export class MerkleRoot {
  /** The roots of the complete trees that the leaves make, the largest first. */
  readonly #complete: Uint8Array[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Takes the hash of the next leaf. */
  append(leaf: Uint8Array): void {
    let hash = leaf
    for (let left = this.#size; left % 2 === 1; left = (left - 1) / 2) {
      const sibling = this.#complete.pop()
      if (sibling !== undefined) hash = nodeHash(sibling, hash)
    }
    this.#complete.push(hash)
    this.#size += 1
  }

  root(): Uint8Array {
    return (
      this.#complete.reduceRight(
        (right: Uint8Array | null, left) => (right === null ? left : nodeHash(left, right)),
        null,
      ) ?? EMPTY_ROOT
    )
  }
}

/**
 * The RFC 6962 root over leaf hashes.
 *
 * @example
 * rootOf(frames.map(leafHash))
 */
export function rootOf(leafHashes: Iterable<Uint8Array>): Uint8Array {
  const tree = new MerkleRoot()
  for (const leaf of leafHashes) tree.append(leaf)
  return tree.root()
}

/** The leaves from `start` up to, and without, `end`: a node of a tree, the root of the tree over just these. */
export interface LeafRange {
  readonly start: number
  readonly end: number
}

/** The largest power of two below a number of at least 2: where RFC 6962 splits so many leaves. */
export function splitOf(leaves: number): number {
  let half = 1
  while (half * 2 < leaves) half *= 2
  return half
}

/** Which nodes show that a leaf is in a tree of so many, from the leaf up (RFC 6962 section 2.1.1). */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  checkSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw misfit(`there is no leaf ${index} among ${size}`)
  const ranges: LeafRange[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + splitOf(end - start)
    ranges.push(index < middle ? { start: middle, end } : { start, end: middle })
    if (index < middle) end = middle
    else start = middle
  }
  return ranges.reverse()
}

/** Which nodes show that a tree of `to` leaves began as one of `from` (RFC 6962 section 2.1.2). None where that is all of it, or nothing. */
export function consistencyRanges(from: number, to: number): readonly LeafRange[] {
  checkSize(from)
  checkSize(to)
  if (from > to) throw misfit(`a log of ${to} entries didn't begin with ${from}`)
  if (from === 0 || from === to) return []
  const ranges: LeafRange[] = []
  let [start, end] = [0, to]
  while (end !== from) {
    const middle = start + splitOf(end - start)
    ranges.push(from <= middle ? { start: middle, end } : { start, end: middle })
    if (from <= middle) end = middle
    else start = middle
  }
  // Where nothing was split off on the left it is the older root itself, which whoever checks has.
  if (start > 0) ranges.push({ start, end })
  return ranges.reverse()
}

/**
 * The hashes of nodes of a tree, in the order asked for, from one pass over its leaves: in memory for one hash a level and
 * node, however long the log is.
 *
 * @throws RecordingError BAD_OPTIONS when there are fewer leaves.
 * @example
 * const proof = await hashesOf(consistencyRanges(1_000, 2_000), leafHashesOfLog())
 */
export async function hashesOf(
  ranges: readonly LeafRange[],
  leafHashes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<readonly Uint8Array[]> {
  const trees = ranges.map(() => new MerkleRoot())
  const end = ranges.reduce((last, range) => Math.max(last, range.end), 0)
  let index = 0
  for await (const leaf of leafHashes) {
    if (index >= end) break
    ranges.forEach((range, i) => {
      if (index >= range.start && index < range.end) trees[i]?.append(leaf)
    })
    index += 1
  }
  if (index < end) throw misfit(`a proof about ${end} leaves needs them all; there are ${index}`)
  return trees.map(tree => tree.root())
}

const checkSize = (size: number): void => {
  if (!Number.isSafeInteger(size) || size < 0) throw misfit('the size of a tree is a whole number from 0')
}

const misfit = (message: string): RecordingError => new RecordingError('BAD_OPTIONS', message)
