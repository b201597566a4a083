import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { leafHash } from '../format/chain.ts'
import { consistencyRanges, EMPTY_ROOT, hashesOf, inclusionRanges, MerkleRoot, rootOf } from './merkle-tree.ts'
import { verifyConsistency, verifyInclusion } from './verify-proofs.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The leaves that implementations of RFC 6962 have tested with since the first one, and their roots by size. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const hashes = LEAVES.map(leaf => leafHash(Buffer.from(leaf, 'hex')))
const head = (size: number) => ({ size, root: rootOf(hashes.slice(0, size)) })

test.each(ROOTS.map((root, size) => [size, root] as const))(
  'the known tree of %i leaves has the known root',
  (size, root) => {
    expect(hex(rootOf(hashes.slice(0, size)))).toBe(root)
  },
)

/** Worked example of RFC 6962 section 2.1.3: seven leaves d0 to d6, and nodes a to l named as there. */
test('the proofs of the example in RFC 6962 name the nodes that it names', () => {
  const [a, b, c, , f, j] = [0, 1, 2, 3, 5, 6].map(i => ({ start: i, end: i + 1 }))
  const [g, h, i, k, l] = [
    [0, 2],
    [2, 4],
    [4, 6],
    [0, 4],
    [4, 7],
  ].map(([start = 0, end = 0]) => ({ start, end }))
  const d = { start: 3, end: 4 }
  expect(inclusionRanges(0, 7)).toEqual([b, h, l])
  expect(inclusionRanges(3, 7)).toEqual([c, g, l])
  expect(inclusionRanges(4, 7)).toEqual([f, j, k])
  expect(inclusionRanges(6, 7)).toEqual([i, k])
  expect(consistencyRanges(3, 7)).toEqual([c, d, g, l])
  expect(consistencyRanges(4, 7)).toEqual([l])
  expect(consistencyRanges(6, 7)).toEqual([i, j, k])
  expect(a).toEqual({ start: 0, end: 1 })
})

test('a tree of nothing has the hash of nothing', () => {
  expect(new MerkleRoot().root()).toEqual(EMPTY_ROOT)
  expect(EMPTY_ROOT).toEqual(createHash('sha256').digest())
})

test('a leaf is not a node: two leaves as one leaf have another root', () => {
  const pair = Buffer.concat([Buffer.of(1), ...hashes.slice(0, 2)])
  expect(hex(rootOf([leafHash(pair)]))).not.toBe(ROOTS[2])
})

test('R1: a log that lost, gained or changed an entry is not consistent with what it was', async () => {
  const other = hashes.map((hash, i) => (i === 2 ? leafHash(Buffer.from('another')) : hash))
  for (const leaves of [other, hashes.toSpliced(2, 1), hashes.toSpliced(2, 0, leafHash(Buffer.of(9)))]) {
    const proof = await hashesOf(consistencyRanges(5, 7), leaves)
    expect(verifyConsistency({ from: head(5), to: { size: 7, root: rootOf(leaves.slice(0, 7)) }, proof })).toBe(false)
  }
})

test('what can be no proof is none', async () => {
  const proof = await hashesOf(consistencyRanges(5, 7), hashes)
  const [from, to] = [head(5), head(7)]
  expect(verifyConsistency({ from, to, proof })).toBe(true)
  expect(verifyConsistency({ from, to, proof: [] })).toBe(false)
  expect(verifyConsistency({ from, to, proof: [...proof, proof[0]!] })).toBe(false)
  expect(verifyConsistency({ from, to, proof: proof.slice(1) })).toBe(false)
  expect(verifyConsistency({ from, to, proof: proof.map(hash => hash.subarray(1)) })).toBe(false)
  expect(verifyConsistency({ from: to, to: from, proof })).toBe(false)
  expect(verifyConsistency({ from, to: { ...to, size: Number.NaN }, proof })).toBe(false)
  expect(verifyConsistency({ from: { size: 0, root: EMPTY_ROOT }, to, proof: [] })).toBe(true)
  expect(verifyConsistency({ from: { size: 0, root: to.root }, to, proof: [] })).toBe(false)
  expect(verifyConsistency({ from: { size: 0, root: EMPTY_ROOT }, to, proof })).toBe(false)
  expect(verifyConsistency({ from, to: from, proof: [] })).toBe(true)
  expect(verifyConsistency({ from, to: { size: 5, root: to.root }, proof: [] })).toBe(false)
  expect(verifyInclusion({ leaf: hashes[0]!, index: 7, proof: [] }, to)).toBe(false)
  expect(verifyInclusion({ leaf: hashes[0]!, index: -1, proof: [] }, to)).toBe(false)
  expect(verifyInclusion({ leaf: hashes[0]!, index: 0, proof: [] }, { size: 0, root: EMPTY_ROOT })).toBe(false)
})

test.each([
  [() => inclusionRanges(7, 7)],
  [() => inclusionRanges(-1, 7)],
  [() => inclusionRanges(0.5, 7)],
  [() => consistencyRanges(8, 7)],
  [() => consistencyRanges(-1, 7)],
  [() => consistencyRanges(1, Number.MAX_VALUE)],
])('asks for a proof that there can be', ask => {
  expect(ask).toThrow(expect.objectContaining({ code: 'BAD_OPTIONS' }))
})

test('a proof needs all the leaves that it is about', async () => {
  await expect(hashesOf(consistencyRanges(5, 9), hashes)).rejects.toMatchObject({ code: 'BAD_OPTIONS' })
})
