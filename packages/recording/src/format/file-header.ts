import type { SessionOpening } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import { type CborMap, decodeCborMap, encodeCbor, type Fields } from './canonical-cbor.ts'
import { HEADER_BYTES_MAX } from './layout.ts'

/** Who asked, as stored in clear: the pair that identifies, and nothing else about a person. */
export interface RecordedIdentity {
  readonly issuer: string
  readonly subject: string
}

/** A recording's header: readable without a key, so that sessions can be listed and verified by anyone. */
export interface RecordingHeader {
  readonly recording: string
  readonly session: string
  /** The deployment's name for the writer, and the one run of it that wrote this. */
  readonly instance: string
  readonly boot: string
  readonly requester: RecordedIdentity
  readonly actor: RecordedIdentity | null
  readonly credentialDigest: string | null
  readonly target: {
    readonly name: string
    readonly dialect: string
    /** What the target said of itself, such as `server_version`. */
    readonly server: Readonly<Record<string, string>>
  }
  readonly policyVersion: string
  readonly catalogFingerprint: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly keyId: string
  readonly wrappedMetaKey: Uint8Array
  readonly valueCheck: Uint8Array
}

/** An instance log's header. */
export interface LogHeader {
  readonly boot: string
  readonly instance: string
  readonly createdAt: number
  readonly keyId: string
  readonly wrappedKey: Uint8Array
}

/** magic | u32 len | CBOR */
export function encodeFileHeader(magic: Uint8Array, fields: CborMap): Buffer {
  const body = encodeCbor(fields)
  if (body.length > HEADER_BYTES_MAX) {
    throw new RecordingError('TOO_LARGE', `a header of ${body.length} bytes exceeds the limit of ${HEADER_BYTES_MAX}`)
  }
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length, 0)
  return Buffer.concat([magic, length, body])
}

export const recordingHeaderFields = (header: RecordingHeader): CborMap => ({
  v: 1,
  rec_id: header.recording,
  session: header.session,
  instance_id: header.instance,
  boot_id: header.boot,
  requester: {
    iss: header.requester.issuer,
    sub: header.requester.subject,
    actor: header.actor === null ? null : { iss: header.actor.issuer, sub: header.actor.subject },
    jti_hash: header.credentialDigest,
  },
  target: header.target,
  policy_version: header.policyVersion,
  catalog: header.catalogFingerprint,
  created_wall_ms: header.createdAt,
  key_id: header.keyId,
  dek_wrapped: header.wrappedMetaKey,
  value_check: header.valueCheck,
})

/** What of an opening goes in clear. */
export const headerFactsOf = (
  opening: SessionOpening,
): Pick<
  RecordingHeader,
  'session' | 'requester' | 'actor' | 'credentialDigest' | 'target' | 'policyVersion' | 'catalogFingerprint'
> => ({
  session: opening.session,
  requester: { issuer: opening.principal.issuer, subject: opening.principal.subject },
  actor:
    opening.principal.actor === null
      ? null
      : { issuer: opening.principal.actor.issuer, subject: opening.principal.actor.subject },
  credentialDigest: opening.principal.credentialDigest,
  target: { name: opening.target.name, dialect: opening.target.dialect, server: opening.server ?? {} },
  policyVersion: opening.policyVersion,
  catalogFingerprint: opening.catalogFingerprint,
})

const identityOf = (fields: Fields): RecordedIdentity => ({
  issuer: fields.string('iss'),
  subject: fields.string('sub'),
})

/** Reads the CBOR of a recording's header. */
export function decodeRecordingHeader(cbor: Uint8Array): RecordingHeader {
  const fields = decodeCborMap(cbor, 'the header')
  checkVersion(fields)
  const requester = fields.fields('requester')
  const target = fields.fields('target')
  return {
    recording: fields.string('rec_id'),
    session: fields.string('session'),
    instance: fields.string('instance_id'),
    boot: fields.string('boot_id'),
    requester: identityOf(requester),
    actor: requester.maybe('actor', key => identityOf(requester.fields(key))),
    credentialDigest: requester.maybe('jti_hash', key => requester.string(key)),
    target: {
      name: target.string('name'),
      dialect: target.string('dialect'),
      server: target.maybe('server', key => Object.fromEntries(target.textPairs(key))) ?? {},
    },
    policyVersion: fields.string('policy_version'),
    catalogFingerprint: fields.string('catalog'),
    createdAt: fields.number('created_wall_ms'),
    keyId: fields.string('key_id'),
    wrappedMetaKey: fields.bytes('dek_wrapped'),
    valueCheck: fields.bytes('value_check'),
  }
}

export const logHeaderFields = (header: LogHeader): CborMap => ({
  v: 1,
  boot_id: header.boot,
  instance_id: header.instance,
  created_wall_ms: header.createdAt,
  key_id: header.keyId,
  dek_wrapped: header.wrappedKey,
})

/** Reads the CBOR of an instance log's header. */
export function decodeLogHeader(cbor: Uint8Array): LogHeader {
  const fields = decodeCborMap(cbor, 'the header')
  checkVersion(fields)
  return {
    boot: fields.string('boot_id'),
    instance: fields.string('instance_id'),
    createdAt: fields.number('created_wall_ms'),
    keyId: fields.string('key_id'),
    wrappedKey: fields.bytes('dek_wrapped'),
  }
}

function checkVersion(fields: Fields): void {
  const version = fields.number('v')
  if (version !== 1) throw new RecordingError('MALFORMED', `a header of version ${version}; this reader knows 1`)
}
