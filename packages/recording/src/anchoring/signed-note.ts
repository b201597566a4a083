import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { RecordingError } from '../errors.ts'

/** A signature line: the text's as the note has it; nothing of it is verified. */
export interface NoteSignature {
  readonly name: string
  /** The key's id: the start of a digest of name and key. Not a secret, and not a proof either. */
  readonly keyId: number
  /** What follows the id. */
  readonly signature: Uint8Array
  /** The line, without its end. */
  readonly line: string
}

/** A C2SP signed note, taken apart. Its text says nothing until {@link verifyNote} has. */
export interface SignedNote {
  /** Ends in a newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A key to verify notes with: `<name>+<key id>+<base64 of type and key>`. */
export interface VerifierKey {
  readonly name: string
  readonly keyId: number
  /** `ed25519`: over the text. `cosignature`: a witness's, over the text and the time (c2sp.org/tlog-cosignature). */
  readonly kind: 'ed25519' | 'cosignature'
  /** 32 bytes, as RFC 8032 has them. */
  readonly publicKey: Uint8Array
  /** As it was written. */
  readonly text: string
}

/** A signature that was verified. */
export interface VerifiedSignature {
  readonly key: VerifierKey
  /** When a witness says it saw the log like this, in milliseconds since 1970; null for the log's own. */
  readonly at: number | null
}

const NOTE_BYTES_MAX = 65_536
/** c2sp.org/signed-note asks for at least 16. */
const SIGNATURES_MAX = 100
const KEY_ID_BYTES = 4
const KEY_BYTES = 32
const ED25519_BYTES = 64
const TIMESTAMP_BYTES = 8
/** c2sp.org/signed-note, signature types. */
const TYPE_BYTES = { ed25519: 1, cosignature: 4 } as const
/** What comes before the 32 bytes of a key in SubjectPublicKeyInfo (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** A name that may stand in a signature line: neither empty, nor with a space or a plus in it. */
export const isKeyName = (name: string): boolean => /^[^\p{White_Space}\p{Cc}\p{Surrogate}+]{1,255}$/u.test(name)

/**
 * Takes a note apart, strictly. Nothing is verified.
 *
 * @throws RecordingError MALFORMED when it is no signed note.
 * @example
 * const { text, signatures } = parseNote(await readFile('checkpoint', 'utf8'))
 */
export function parseNote(note: string | Uint8Array): SignedNote {
  const whole = decode(note)
  // The last empty line is what parts them: the text may have empty lines too.
  const end = whole.lastIndexOf('\n\n')
  if (end < 0) throw malformed('has no empty line between text and signatures')
  const [text, rest] = [whole.slice(0, end + 1), whole.slice(end + 2)]
  if (!rest.endsWith('\n')) throw malformed('has no signature, or an unfinished one')
  const lines = rest.slice(0, -1).split('\n')
  if (lines.length > SIGNATURES_MAX)
    throw malformed(`has ${lines.length} signatures; at most ${SIGNATURES_MAX} are read`)
  return { text, signatures: lines.map(signatureOf) }
}

function decode(note: string | Uint8Array): string {
  const bytes = typeof note === 'string' ? Buffer.from(note, 'utf8') : note
  if (bytes.length > NOTE_BYTES_MAX) throw malformed(`has ${bytes.length} bytes; at most ${NOTE_BYTES_MAX} are read`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('is not UTF-8')
  }
  if (typeof note === 'string' && note !== text) throw malformed('is not UTF-8')
  for (const character of text) {
    if (character < ' ' && character !== '\n') throw malformed('has a control character in it')
  }
  return text
}

function signatureOf(line: string): NoteSignature {
  const [, name, base64] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? []
  if (name === undefined || base64 === undefined || !isKeyName(name)) {
    throw malformed('has a signature line that is none; expected a dash, a name and base64')
  }
  const bytes = decodeBase64(base64)
  if (bytes === null || bytes.length <= KEY_ID_BYTES) throw malformed('has a signature that is too short, or no base64')
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(KEY_ID_BYTES), line }
}

/** Standard base64 in its one canonical form, or null. */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

/**
 * Reads a verifier key as c2sp.org/signed-note has it. Types 1 (Ed25519) and 4 (a witness's cosignature) are known.
 *
 * @throws RecordingError BAD_OPTIONS when it is none.
 * @example
 * const key = parseVerifierKey('gateway-1.example.com+4a5c2f60+AW1…')
 */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, id, base64] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(text.trim()) ?? []
  const bytes = base64 === undefined ? null : decodeBase64(base64)
  if (name === undefined || id === undefined || bytes === null || bytes.length !== 1 + KEY_BYTES || !isKeyName(name)) {
    throw badKey('expected <name>+<8 hexadecimal digits>+<base64>, as `querywarden keys show` prints it')
  }
  const kind = bytes[0] === TYPE_BYTES.ed25519 ? 'ed25519' : bytes[0] === TYPE_BYTES.cosignature ? 'cosignature' : null
  if (kind === null) throw badKey('its type is not known; expected Ed25519 (1) or an Ed25519 cosignature (4)')
  const key = verifierKey({ name, kind, publicKey: bytes.subarray(1) })
  if (key.keyId !== Number.parseInt(id, 16))
    throw badKey('its id belongs to another name or key: it was changed or mistyped')
  return key
}

/** The verifier key of a name and a public key. */
export function verifierKey(of: Pick<VerifierKey, 'name' | 'kind' | 'publicKey'>): VerifierKey {
  if (!isKeyName(of.name)) throw badKey('a name has neither spaces nor `+` in it, and 1 to 255 characters')
  const typed = Buffer.concat([Buffer.of(TYPE_BYTES[of.kind]), of.publicKey])
  const id = createHash('sha256').update(`${of.name}\n`).update(typed).digest().subarray(0, KEY_ID_BYTES)
  return { ...of, keyId: id.readUInt32BE(0), text: `${of.name}+${id.toString('hex')}+${typed.toString('base64')}` }
}

/** A signature as a line of a note, without its end. */
export function signatureLine(key: Pick<VerifierKey, 'name' | 'keyId'>, signature: Uint8Array): string {
  const id = Buffer.alloc(KEY_ID_BYTES)
  id.writeUInt32BE(key.keyId)
  return `\u2014 ${key.name} ${Buffer.concat([id, signature]).toString('base64')}`
}

/** Puts a note together. */
export const formatNote = (text: string, lines: readonly string[]): string =>
  `${text}\n${lines.map(line => `${line}\n`).join('')}`

/**
 * Verifies a note: every signature by a key that is given has to be right, and there has to be one. Signatures by others are
 * ignored, as c2sp.org/signed-note has it.
 *
 * @throws RecordingError MALFORMED; FORGED when a known key's signature is wrong, or no known key signed it.
 * @example
 * const { text, verified } = verifyNote(note, [parseVerifierKey(key)])
 */
export function verifyNote(
  note: string | Uint8Array,
  keys: readonly VerifierKey[],
): SignedNote & { readonly verified: readonly VerifiedSignature[] } {
  const parsed = parseNote(note)
  const verified: VerifiedSignature[] = []
  for (const signature of parsed.signatures) {
    const key = keys.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId)
    if (key === undefined) continue
    const seen = check(parsed.text, signature, key)
    if (seen === null) throw new RecordingError('FORGED', `the signature of \`${key.name}\` under this note is wrong`)
    if (!verified.some(one => one.key === key)) verified.push(seen)
  }
  if (verified.length === 0) throw new RecordingError('FORGED', 'no key that is known has signed this note')
  return { ...parsed, verified }
}

function check(text: string, { signature }: NoteSignature, key: VerifierKey): VerifiedSignature | null {
  if (key.kind === 'ed25519')
    return verifyEd25519(key.publicKey, Buffer.from(text), signature) ? { key, at: null } : null
  if (signature.length !== TIMESTAMP_BYTES + ED25519_BYTES) return null
  const time = Buffer.from(signature).readBigUInt64BE(0)
  // c2sp.org/tlog-cosignature: at most 2^63 - 1; a time that isn't a safe integer of milliseconds is none either.
  if (time > BigInt(Math.floor(Number.MAX_SAFE_INTEGER / 1_000))) return null
  return verifyEd25519(key.publicKey, cosignedMessage(text, time), signature.subarray(TIMESTAMP_BYTES))
    ? { key, at: Number(time) * 1_000 }
    : null
}

/** What a witness signs: the text behind the time (c2sp.org/tlog-cosignature, Ed25519). `seconds` since 1970. */
export const cosignedMessage = (text: string, seconds: bigint): Uint8Array =>
  Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)

/** Whether a signature is right. Never throws on what the bytes are. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== ED25519_BYTES) return false
  try {
    return verify(null, message, keyObject(publicKey), signature)
  } catch {
    return false // the 32 bytes are no point of the curve
  }
}

const keyObject = (publicKey: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })

const malformed = (what: string): RecordingError => new RecordingError('MALFORMED', `this signed note ${what}`)
const badKey = (what: string): RecordingError => new RecordingError('BAD_OPTIONS', `this is no verifier key: ${what}`)
