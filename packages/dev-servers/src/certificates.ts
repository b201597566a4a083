import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  bits,
  boolean,
  constructed,
  integer,
  objectId,
  octets,
  primitive,
  sequence,
  set,
  utcTime,
  utf8,
} from './der.ts'

/** A certificate and its private key, both as PEM. */
export interface CertificateAndKey {
  readonly cert: string
  readonly key: string
}

/** What a TLS test needs: one good server certificate and the ways it can be wrong. All use ECDSA with P-256. */
export interface Certificates {
  /** The authority that signed all of them but `selfSigned`, as PEM: what clients trust. */
  readonly ca: string
  /** For `localhost`, `127.0.0.1` and `::1`. */
  readonly server: CertificateAndKey
  /** Valid, but for `elsewhere.example` only. */
  readonly wrongHost: CertificateAndKey
  /** For the right hosts, but it ended yesterday. */
  readonly expired: CertificateAndKey
  /** For the right hosts, but of an authority that nobody trusts: itself. */
  readonly selfSigned: CertificateAndKey
  /** A client's, with the common name `client`. */
  readonly client: CertificateAndKey
}

const DAY_MS = 86_400_000
// Object identifiers of RFC 5280 and RFC 5758.
const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))
const COMMON_NAME = objectId('2.5.4.3')
const OID = {
  subjectKeyId: objectId('2.5.29.14'),
  keyUsage: objectId('2.5.29.15'),
  subjectAltName: objectId('2.5.29.17'),
  basicConstraints: objectId('2.5.29.19'),
  authorityKeyId: objectId('2.5.29.35'),
  extendedKeyUsage: objectId('2.5.29.37'),
  serverAuth: objectId('1.3.6.1.5.5.7.3.1'),
  clientAuth: objectId('1.3.6.1.5.5.7.3.2'),
}
const LOCAL_NAMES: readonly Uint8Array[] = [
  dnsName('localhost'),
  primitive(7, Buffer.from([127, 0, 0, 1])),
  primitive(7, Buffer.from([...new Array<number>(15).fill(0), 1])),
]

/**
 * Makes an authority and certificates signed by it, fresh at each call and good for 30 days. For tests and demos only.
 *
 * @example
 * ```ts
 * const { ca, server } = makeCertificates()
 * const listener = tls.createServer(server)
 * tls.connect({ port, host: 'localhost', ca })
 * ```
 */
export function makeCertificates(): Certificates {
  const authority = makeKey()
  const issuer = { name: 'Querywarden development CA', key: authority }
  const today = Date.now()
  const valid = { from: new Date(today - DAY_MS), to: new Date(today + 30 * DAY_MS) }
  const past = { from: new Date(today - 30 * DAY_MS), to: new Date(today - DAY_MS) }
  const leaf = (
    name: string,
    names: readonly Uint8Array[],
    validity = valid,
    signer: Signer | 'itself' = issuer,
  ): CertificateAndKey => {
    const key = makeKey()
    const usage = names.length > 0 ? OID.serverAuth : OID.clientAuth
    const extensions = [
      extension(OID.basicConstraints, sequence(), true),
      // digitalSignature is bit 0.
      extension(OID.keyUsage, bits(Buffer.from([0x80]), 7), true),
      extension(OID.extendedKeyUsage, sequence(usage)),
      ...(names.length > 0 ? [extension(OID.subjectAltName, sequence(...names))] : []),
    ]
    return {
      cert: certificate({ name, key, validity, extensions, issuer: signer === 'itself' ? { name, key } : signer }),
      key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
  }
  const ca = certificate({
    ...issuer,
    validity: valid,
    issuer,
    extensions: [
      extension(OID.basicConstraints, sequence(boolean(true)), true),
      // keyCertSign and cRLSign are bits 5 and 6.
      extension(OID.keyUsage, bits(Buffer.from([0x06]), 1), true),
    ],
  })
  return {
    ca,
    server: leaf('localhost', LOCAL_NAMES),
    wrongHost: leaf('elsewhere.example', [dnsName('elsewhere.example')]),
    expired: leaf('localhost', LOCAL_NAMES, past),
    selfSigned: leaf('localhost', LOCAL_NAMES, valid, 'itself'),
    client: leaf('client', []),
  }
}

interface Signer {
  readonly name: string
  readonly key: KeyObject
}

interface CertificateFields extends Signer {
  readonly validity: { readonly from: Date; readonly to: Date }
  readonly extensions: readonly Uint8Array[]
  readonly issuer: Signer
}

const makeKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

function dnsName(name: string): Buffer {
  return primitive(2, Buffer.from(name, 'latin1'))
}

const commonName = (name: string): Buffer => sequence(set(sequence(COMMON_NAME, utf8(name))))

const extension = (id: Uint8Array, value: Uint8Array, critical = false): Buffer =>
  sequence(id, ...(critical ? [boolean(true)] : []), octets(value))

const publicKey = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' })

const keyId = (key: KeyObject): Buffer => createHash('sha256').update(publicKey(key)).digest().subarray(0, 20)

/** Certificate of RFC 5280 section 4.1, version 3. */
function certificate({ name, key, validity, extensions, issuer }: CertificateFields): string {
  const serial = randomBytes(16)
  // Positive and without a leading zero byte.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const body = sequence(
    constructed(0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_SHA256,
    commonName(issuer.name),
    sequence(utcTime(validity.from), utcTime(validity.to)),
    commonName(name),
    publicKey(key),
    constructed(
      3,
      sequence(
        ...extensions,
        extension(OID.subjectKeyId, octets(keyId(key))),
        extension(OID.authorityKeyId, sequence(primitive(0, keyId(issuer.key)))),
      ),
    ),
  )
  const der = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, issuer.key)))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
