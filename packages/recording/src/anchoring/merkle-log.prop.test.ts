import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MerkleLog } from './merkle-log.ts'
import { consistencyRanges, hashesOf, MerkleRoot } from './merkle-tree.ts'
import { verifyConsistency } from './verify-proofs.ts'

const leaf = (i: number): Uint8Array => createHash('sha256').update(`leaf ${i}`).digest()
const LEAVES = Array.from({ length: 5_000 }, (_, i) => leaf(i))
const growing = new MerkleRoot()
const ROOTS = [growing.root()]
for (const one of LEAVES) {
  growing.append(one)
  ROOTS.push(growing.root())
}

test('a growing log proves from every size that was pinned what one pass over all leaves proves', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat({ max: 1_500 }), { minLength: 2, maxLength: 6 }), async sizes => {
      const ordered = sizes.sort((a, b) => a - b)
      const log = new MerkleLog()
      for (const size of ordered) {
        while (log.size < size) log.append(LEAVES[log.size]!)
        expect(log.pin()).toBe(size)
        expect(log.root()).toEqual(ROOTS[size])
        for (const from of ordered.filter(one => one <= size)) {
          const proof = log.proofFrom(from)
          expect(proof).toEqual(await hashesOf(consistencyRanges(from, size), LEAVES))
          const head = (n: number) => ({ size: n, root: ROOTS[n]! })
          expect(verifyConsistency({ from: head(from), to: head(size), proof })).toBe(true)
        }
      }
      const [from = 0, to = 0] = ordered
      while (log.size < 2_000) log.append(LEAVES[log.size]!)
      expect(log.proof(from, to)).toEqual(await hashesOf(consistencyRanges(from, to), LEAVES))
    }),
    { numRuns: 25 },
  )
})

test('leaves are forgotten where no pinned size ends among them', () => {
  const log = new MerkleLog()
  while (log.size < 700) log.append(LEAVES[log.size]!)
  log.pin()
  log.pin()
  while (log.size < 5_000) log.append(LEAVES[log.size]!)
  const refusal = expect.objectContaining({ code: 'BAD_OPTIONS' })
  expect(() => log.proofFrom(300)).toThrow(refusal)
  expect(log.proofFrom(700).length).toBeGreaterThan(8)
  // Of a whole tile no leaf is needed.
  expect(log.proofFrom(512).length).toBeGreaterThan(1)
  log.unpin(700)
  expect(log.proofFrom(700).length).toBeGreaterThan(8)
  log.unpin(700)
  expect(() => log.proofFrom(700)).toThrow(refusal)
  expect(() => log.proofFrom(5_001)).toThrow(refusal)
})
