import { RecordingError } from '../errors.ts'
import { decodeCborMap, encodeCbor } from '../format/canonical-cbor.ts'
import { decrypt, encrypt, KEY_BYTES, type KeyEncryption, type RandomBytes } from '../format/keys.ts'
import { INDEX_MAGIC, MAGIC_BYTES } from '../format/layout.ts'
import type { SessionFacts } from './query.ts'
import type { StatementFacts } from './statement-facts.ts'

/** What tells one state of a recording's file from another: its length, and the tag that its last frame ends with. */
export interface FileState {
  readonly bytes: number
  /** In hex. The tag authenticates the chain, and with it all that comes before. */
  readonly tag: string
}

/** What the index has of one recording. */
export interface IndexedRecording {
  readonly recording: string
  readonly state: FileState
  readonly session: SessionFacts
  /** {@link StatementFacts}, as JSON: most searches need but few of them. */
  readonly statements: string
}

const NONCE_BYTES = 12
/** Counts changes of what is inside: of another version nothing is read. */
const VERSION = 1

const indexContext = (boot: string): string => `dbrec/v1/index/${boot}`

/**
 * The index of a boot's recordings: magic, length and CBOR of a header with a key of its own, wrapped; nonce; AES-256-GCM of the
 * contents, with all before it as additional data. It is made anew as a whole each time, under another key.
 */
export async function encodeIndex(
  boot: string,
  recordings: readonly IndexedRecording[],
  { keys, randomBytes }: { readonly keys: KeyEncryption; readonly randomBytes: RandomBytes },
): Promise<Uint8Array> {
  const [key, nonce] = [randomBytes(KEY_BYTES), randomBytes(NONCE_BYTES)]
  const header = encodeCbor({
    v: VERSION,
    boot_id: boot,
    key_id: keys.id,
    dek_wrapped: await keys.wrap(key, indexContext(boot)),
  })
  const length = Buffer.alloc(4)
  length.writeUInt32BE(header.length)
  const head = Buffer.concat([INDEX_MAGIC, length, header, nonce])
  return Buffer.concat([head, encrypt(key, nonce, Buffer.from(JSON.stringify(recordings)), [head])])
}

/** Reads an index; null where it isn't one, is of another version or key, or isn't what was written: then it is made anew. */
export async function decodeIndex(
  boot: string,
  bytes: Uint8Array,
  keys: KeyEncryption,
): Promise<readonly IndexedRecording[] | null> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (file.length < MAGIC_BYTES + 4 || !file.subarray(0, MAGIC_BYTES).equals(INDEX_MAGIC)) return null
  const headEnd = MAGIC_BYTES + 4 + file.readUInt32BE(MAGIC_BYTES) + NONCE_BYTES
  if (headEnd > file.length) return null
  try {
    const header = decodeCborMap(file.subarray(MAGIC_BYTES + 4, headEnd - NONCE_BYTES), 'the header of an index')
    if (header.number('v') !== VERSION || header.string('boot_id') !== boot) return null
    const key = await keys.unwrap(header.bytes('dek_wrapped'), indexContext(boot))
    const plain = decrypt(key, file.subarray(headEnd - NONCE_BYTES, headEnd), file.subarray(headEnd), [
      file.subarray(0, headEnd),
    ])
    return plain === null ? null : recordingsOf(JSON.parse(Buffer.from(plain).toString('utf8')))
  } catch (error) {
    if (error instanceof RecordingError || error instanceof SyntaxError) return null
    throw error
  }
}

function recordingsOf(value: unknown): readonly IndexedRecording[] | null {
  return Array.isArray(value) && value.every(isIndexed) ? value : null
}

// The contents are authentic, so they are what a version wrote that says it is this one; these tell a mistake of ours.
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const isIdentity = (value: unknown): boolean =>
  isRecord(value) && typeof value['issuer'] === 'string' && typeof value['subject'] === 'string'

function isIndexed(value: unknown): value is IndexedRecording {
  if (!isRecord(value)) return false
  const { recording, state, session, statements } = value
  return (
    typeof recording === 'string' &&
    typeof statements === 'string' &&
    isRecord(state) &&
    typeof state['bytes'] === 'number' &&
    typeof state['tag'] === 'string' &&
    isRecord(session) &&
    typeof session['session'] === 'string' &&
    typeof session['target'] === 'string' &&
    typeof session['openedAt'] === 'number' &&
    isIdentity(session['requester']) &&
    (session['actor'] === null || isIdentity(session['actor']))
  )
}

/** The statements of an indexed recording. */
export function indexedStatements({ statements }: IndexedRecording): readonly StatementFacts[] {
  const value: unknown = JSON.parse(statements)
  return Array.isArray(value) ? value.filter(isFacts) : []
}

const isFacts = (value: unknown): value is StatementFacts =>
  isRecord(value) &&
  typeof value['statement'] === 'number' &&
  typeof value['sql'] === 'string' &&
  Array.isArray(value['effects']) &&
  Array.isArray(value['relations']) &&
  Array.isArray(value['approvedBy'])
