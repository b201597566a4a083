import { isSameDigest } from '../format/chain.ts'
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './merkle-tree.ts'

/** A state of a log: how many leaves, and the root over them. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/**
 * Whether a proof shows that a leaf stands at a place of a tree (RFC 9162 section 2.1.3.2). Never throws.
 *
 * @example
 * verifyInclusion({ leaf: leafHash(frame), index: 4, proof }, { size, root })
 */
export function verifyInclusion(
  claim: { readonly leaf: Uint8Array; readonly index: number; readonly proof: readonly Uint8Array[] },
  tree: TreeHead,
): boolean {
  if (!isCount(claim.index) || !isCount(tree.size) || claim.index >= tree.size) return false
  if (claim.leaf.length !== HASH_BYTES || !claim.proof.every(isHash)) return false
  let [place, last] = [claim.index, tree.size - 1]
  let hash = claim.leaf
  for (const sibling of claim.proof) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      hash = nodeHash(sibling, hash)
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      hash = nodeHash(hash, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && isSameDigest(hash, tree.root)
}

/**
 * Whether a proof shows that a log only grew: that the larger tree begins with all of the smaller one (RFC 9162 section
 * 2.1.4.2). From nothing to anything, and from a tree to itself, the proof is empty. Never throws.
 *
 * @example
 * verifyConsistency({ from: { size: 3, root: older }, to: { size: 7, root: newer }, proof })
 */
export function verifyConsistency(claim: {
  readonly from: TreeHead
  readonly to: TreeHead
  readonly proof: readonly Uint8Array[]
}): boolean {
  const { from, to, proof } = claim
  if (!isCount(from.size) || !isCount(to.size) || from.size > to.size || !proof.every(isHash)) return false
  if (from.size === 0) return proof.length === 0 && isSameDigest(from.root, EMPTY_ROOT) && isPossible(to)
  if (from.size === to.size) return proof.length === 0 && isSameDigest(from.root, to.root)
  // Where the smaller tree is complete its root is a node of the larger one, and isn't in the proof.
  const [first, ...rest] = isPowerOfTwo(from.size) ? [from.root, ...proof] : proof
  if (first === undefined || proof.length === 0) return false
  let [place, last] = [from.size - 1, to.size - 1]
  while (isOdd(place)) [place, last] = [half(place), half(last)]
  let [older, newer] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      older = nodeHash(sibling, older)
      newer = nodeHash(sibling, newer)
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      newer = nodeHash(newer, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && isSameDigest(older, from.root) && isSameDigest(newer, to.root)
}

const isCount = (size: number): boolean => Number.isSafeInteger(size) && size >= 0
const isHash = (hash: Uint8Array): boolean => hash.length === HASH_BYTES
const isPossible = ({ size, root }: TreeHead): boolean => isHash(root) && (size > 0 || isSameDigest(root, EMPTY_ROOT))
const isOdd = (n: number): boolean => n % 2 === 1
const half = (n: number): number => Math.floor(n / 2)

function isPowerOfTwo(n: number): boolean {
  let power = n
  while (power > 1 && !isOdd(power)) power = half(power)
  return power === 1
}
