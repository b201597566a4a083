import { createHash } from 'node:crypto'

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const HEADER_DOMAIN = Buffer.from('dbrec/v1/hdr', 'latin1')
const LINK_DOMAIN = Buffer.from('dbrec/v1/chain', 'latin1')
// RFC 6962 section 2.1: a leaf is hashed behind 0x00 and a node behind 0x01, so that neither passes for the other.
const LEAF_PREFIX = Buffer.of(0)

/** The chain's value before any frame: it covers magic, length and header. */
export const chainStart = (header: Uint8Array): Uint8Array => sha256(HEADER_DOMAIN, header)

/** RFC 6962 leaf hash of a frame, ready for a Merkle tree over recordings. */
export const leafHash = (frame: Uint8Array): Uint8Array => sha256(LEAF_PREFIX, frame)

/** The chain's value after one more frame. Over ciphertext, so that it can be checked without a key. */
export const chainNext = (previous: Uint8Array, frame: Uint8Array): Uint8Array =>
  sha256(LINK_DOMAIN, previous, leafHash(frame))

export const digestOf = (bytes: Uint8Array): Uint8Array => sha256(bytes)

export const isSameDigest = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
