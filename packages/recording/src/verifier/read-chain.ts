import { createHash, hash } from 'node:crypto'
import { chainStart } from '../format/chain.ts'

const DIGEST_BYTES = 32
const LINK_DOMAIN = 'dbrec/v1/chain'
/** Up to here a frame is copied behind its prefix and hashed in one call; a native object would cost more than the copy. */
const COPIED_BYTES_MAX = 16_384

// Filled and read within one call, so that one of each is enough. The leaf's first byte stays 0x00 (RFC 6962 section 2.1).
const leafMessage = Buffer.alloc(1 + COPIED_BYTES_MAX)
const linkMessage = Buffer.alloc(LINK_DOMAIN.length + 2 * DIGEST_BYTES)
linkMessage.write(LINK_DOMAIN, 0, 'latin1')

/**
 * The chain as a reader goes along it: values are strings of 32 characters, one a byte. The runtime makes those in a
 * third of the time of a Buffer, and most values are looked at by nobody.
 */
export const chainStartLatin1 = (header: Uint8Array): string => Buffer.from(chainStart(header)).toString('latin1')

/** RFC 6962 leaf hash of a frame. */
export function leafLatin1(frame: Uint8Array): string {
  if (frame.length > COPIED_BYTES_MAX) {
    return createHash('sha256').update(leafMessage.subarray(0, 1)).update(frame).digest('binary')
  }
  leafMessage.set(frame, 1)
  return hash('sha256', leafMessage.subarray(0, 1 + frame.length), 'binary')
}

/** The chain's value after one more frame, whose leaf hash is given. */
export function linkLatin1(previous: string, leaf: string): string {
  linkMessage.write(previous, LINK_DOMAIN.length, DIGEST_BYTES, 'latin1')
  linkMessage.write(leaf, LINK_DOMAIN.length + DIGEST_BYTES, DIGEST_BYTES, 'latin1')
  return hash('sha256', linkMessage, 'binary')
}
