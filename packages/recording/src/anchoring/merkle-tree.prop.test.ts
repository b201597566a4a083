import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { consistencyRanges, hashesOf, inclusionRanges, MerkleRoot, rootOf } from './merkle-tree.ts'
import { verifyConsistency, verifyInclusion } from './verify-proofs.ts'

const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()

/** RFC 6962 section 2.1, word for word. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return leaves[0]!
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return sha256(Buffer.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)))
}

/** RFC 6962 section 2.1.1, word for word. */
function path(m: number, leaves: readonly Uint8Array[]): readonly Uint8Array[] {
  if (leaves.length === 1) return []
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m < k ? [...path(m, left), treeHash(right)] : [...path(m - k, right), treeHash(left)]
}

/** RFC 6962 section 2.1.2, word for word. */
function subproof(m: number, leaves: readonly Uint8Array[], isWhole: boolean): readonly Uint8Array[] {
  if (m === leaves.length) return isWhole ? [] : [treeHash(leaves)]
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m <= k ? [...subproof(m, left, isWhole), treeHash(right)] : [...subproof(m - k, right, false), treeHash(left)]
}

const leaf = (seed: number, i: number): Uint8Array => sha256(Buffer.from(`${seed}/${i}`))
const leaves = fc
  .tuple(fc.nat({ max: 70 }), fc.nat())
  .map(([size, seed]) => Array.from({ length: size }, (_, i) => leaf(seed, i)))
const leavesAndSizes = leaves
  .filter(all => all.length > 0)
  .chain(all => fc.tuple(fc.constant(all), fc.nat({ max: all.length - 1 }), fc.integer({ min: 1, max: all.length })))
const flipped = (hash: Uint8Array): Uint8Array => Buffer.from(hash).fill((hash[0] ?? 0) ^ 1, 0, 1)

test('the root that grows is the recursive one, at every size', () => {
  fc.assert(
    fc.property(leaves, all => {
      const tree = new MerkleRoot()
      all.forEach((hash, i) => {
        expect(tree.root()).toEqual(treeHash(all.slice(0, i)))
        tree.append(hash)
      })
      expect(tree.root()).toEqual(treeHash(all))
      expect(tree.size).toBe(all.length)
    }),
    { numRuns: 60 },
  )
})

test('an inclusion proof is the recursive one, verifies, and verifies for nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(leavesAndSizes, async ([all, index]) => {
      const proof = await hashesOf(inclusionRanges(index, all.length), all)
      expect(proof).toEqual(path(index, all))
      const tree = { size: all.length, root: rootOf(all) }
      const [hash, other] = [all[index]!, flipped(all[index]!)]
      expect(verifyInclusion({ leaf: hash, index, proof }, tree)).toBe(true)
      expect(verifyInclusion({ leaf: other, index, proof }, tree)).toBe(false)
      expect(verifyInclusion({ leaf: hash, index, proof }, { ...tree, root: other })).toBe(false)
      for (let wrong = 0; wrong < all.length; wrong++) {
        if (wrong !== index) expect(verifyInclusion({ leaf: hash, index: wrong, proof }, tree)).toBe(false)
      }
      proof.forEach((_, i) => {
        expect(verifyInclusion({ leaf: hash, index, proof: proof.with(i, flipped(proof[i]!)) }, tree)).toBe(false)
        expect(verifyInclusion({ leaf: hash, index, proof: proof.toSpliced(i, 1) }, tree)).toBe(false)
      })
    }),
    { numRuns: 150 },
  )
})

test('a consistency proof is the recursive one, verifies, and verifies for nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(leavesAndSizes, async ([all, , size]) => {
      const proof = await hashesOf(consistencyRanges(size, all.length), all)
      expect(proof).toEqual(subproof(size, all, true))
      const claim = {
        from: { size, root: rootOf(all.slice(0, size)) },
        to: { size: all.length, root: rootOf(all) },
        proof,
      }
      expect(verifyConsistency(claim)).toBe(true)
      expect(verifyConsistency({ ...claim, from: { size, root: flipped(claim.from.root) } })).toBe(false)
      expect(verifyConsistency({ ...claim, to: { ...claim.to, root: flipped(claim.to.root) } })).toBe(false)
      proof.forEach((_, i) => {
        expect(verifyConsistency({ ...claim, proof: proof.with(i, flipped(proof[i]!)) })).toBe(false)
        expect(verifyConsistency({ ...claim, proof: proof.toSpliced(i, 1) })).toBe(false)
      })
      expect(verifyConsistency({ ...claim, proof: [...proof, all[0]!] })).toBe(false)
    }),
    { numRuns: 150 },
  )
})

test('R1: whoever rewrote a log has no proof that it only grew', () => {
  fc.assert(
    fc.property(
      leavesAndSizes.filter(([all, , size]) => size < all.length),
      fc.nat(),
      ([all, index, size], at) => {
        const changed = all.with(Math.min(index, size - 1), sha256(Buffer.from('changed')))
        const from = { size, root: rootOf(all.slice(0, size)) }
        const to = { size: all.length, root: rootOf(changed) }
        for (const proof of [subproof(size, changed, true), subproof(size, all, true)]) {
          expect(verifyConsistency({ from, to, proof })).toBe(false)
          const swapped = proof.with(at % Math.max(1, proof.length), all[index]!)
          expect(verifyConsistency({ from, to, proof: swapped })).toBe(false)
        }
      },
    ),
    { numRuns: 150 },
  )
})
