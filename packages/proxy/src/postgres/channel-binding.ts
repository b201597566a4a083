import { createHash } from 'node:crypto'

/**
 * The `tls-server-end-point` of a certificate (RFC 5929, section 4.1): its hash under the hash of its own signature, or
 * SHA-256 where that is MD5 or SHA-1. Null where the signature names no such hash (Ed25519, RSA-PSS): then there is no
 * channel binding.
 */
export function channelBinding(certificate: Uint8Array): Uint8Array | null {
  const hash = HASHES.get(signatureAlgorithm(certificate))
  return hash === undefined ? null : createHash(hash).update(certificate).digest()
}

/** Object identifiers of RFC 8017, appendix C, and RFC 5758, as their bytes in hex. */
const RSA = '2a864886f70d0101'
const ECDSA = '2a8648ce3d04'
const HASHES: ReadonlyMap<string, string> = new Map([
  [`${RSA}04`, 'sha256'],
  [`${RSA}05`, 'sha256'],
  [`${RSA}0b`, 'sha256'],
  [`${RSA}0c`, 'sha384'],
  [`${RSA}0d`, 'sha512'],
  [`${RSA}0e`, 'sha224'],
  [`${ECDSA}01`, 'sha256'],
  [`${ECDSA}0301`, 'sha224'],
  [`${ECDSA}0302`, 'sha256'],
  [`${ECDSA}0303`, 'sha384'],
  [`${ECDSA}0304`, 'sha512'],
])

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER … }, … } (RFC 5280, 4.1). */
function signatureAlgorithm(certificate: Uint8Array): string {
  const whole = contents(certificate, 0)
  const body = contents(certificate, whole.start)
  const algorithm = contents(certificate, body.end)
  const name = contents(certificate, algorithm.start)
  return Buffer.from(certificate.subarray(name.start, name.end)).toString('hex')
}

/** Where the contents of the DER value at an offset lie. OpenSSL has parsed the certificate, so its lengths are in order. */
function contents(der: Uint8Array, at: number): { readonly start: number; readonly end: number } {
  const first = der[at + 1] ?? 0
  if (first < 0x80) return { start: at + 2, end: at + 2 + first }
  const lengthBytes = first & 0x7f
  let length = 0
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (der[at + 2 + i] ?? 0)
  const start = at + 2 + lengthBytes
  return { start, end: start + length }
}
