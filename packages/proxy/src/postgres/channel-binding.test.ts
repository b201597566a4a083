import { createHash, X509Certificate } from 'node:crypto'
import { makeCertificates } from '@querywarden/dev-servers'
import { expect, test } from 'vitest'
import { channelBinding } from './channel-binding.ts'

const ECDSA_SHA256 = Buffer.from('2a8648ce3d040302', 'hex')

/** A real certificate, with another algorithm named behind its body. */
function signedWith(lastByte: number): Buffer {
  const der = Buffer.from(new X509Certificate(makeCertificates().server.cert).raw)
  der[der.lastIndexOf(ECDSA_SHA256) + ECDSA_SHA256.length - 1] = lastByte
  return der
}

test.each([
  [1, 'sha224'],
  [2, 'sha256'],
  [3, 'sha384'],
  [4, 'sha512'],
])('E11: a certificate signed with ecdsa-with-SHA2 number %i is hashed with %s', (lastByte, hash) => {
  const der = signedWith(lastByte)
  expect(channelBinding(der)).toEqual(createHash(hash).update(der).digest())
})

test('a signature without a known hash gives no binding, and no wrong one', () => {
  expect(channelBinding(signedWith(9))).toBeNull()
})
