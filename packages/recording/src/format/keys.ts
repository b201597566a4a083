import {
  type Cipher,
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  timingSafeEqual,
} from 'node:crypto'
import { RecordingError } from '../errors.ts'
import { type MacKey, macKey } from './mac.ts'

export const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Random bytes from a cryptographic source, such as `randomBytes` of node:crypto. */
export type RandomBytes = (count: number) => Uint8Array

/**
 * What wraps the keys of recordings. `context` names the recording and the key's use; a key wrapped under one context
 * must not unwrap under another.
 */
export interface KeyEncryption {
  /** Names the key in headers. Not a secret. */
  readonly id: string
  readonly wrap: (key: Uint8Array, context: string) => Promise<Uint8Array>
  /** Rejects when the key or the context is another one. */
  readonly unwrap: (wrapped: Uint8Array, context: string) => Promise<Uint8Array>
}

/**
 * Wraps with a 32-byte key held in memory: AES-256-GCM, the context as additional data.
 *
 * @throws RecordingError BAD_OPTIONS when the key isn't 32 bytes.
 * @example
 * const keys = localKeys(kek, randomBytes)
 */
export function localKeys(kek: Uint8Array, randomBytes: RandomBytes): KeyEncryption {
  if (kek.length !== KEY_BYTES) {
    throw new RecordingError('BAD_OPTIONS', `the key-encryption key has ${kek.length} bytes; expected ${KEY_BYTES}`)
  }
  const id = createHash('sha256').update('dbrec/v1/kek-id').update(kek).digest('hex').slice(0, 16)
  return {
    id,
    wrap: async (key, context) => {
      const nonce = randomBytes(NONCE_BYTES)
      return Buffer.concat([nonce, encrypt(kek, nonce, key, [Buffer.from(context)])])
    },
    unwrap: async (wrapped, context) => {
      const key = decrypt(kek, wrapped.subarray(0, NONCE_BYTES), wrapped.subarray(NONCE_BYTES), [Buffer.from(context)])
      if (key === null) throw wrongKey(id)
      return key
    },
  }
}

export const wrongKey = (id: string): RecordingError =>
  new RecordingError(
    'WRONG_KEY',
    `key \`${id}\` doesn't open this recording: give the key-encryption key that it was written under; verifying needs none`,
  )

/** What a recording's own key is wrapped for. */
export const keyContext = (recording: string, use: 'meta' | 'value' | 'log' | 'tail'): string =>
  `dbrec/v1/${use}/${recording}`

/** Keys that come from the META key: they open everything but literals and parameters. */
export interface MetaKeys {
  readonly meta: Uint8Array
  /** For the META of blocks. */
  readonly metaStream: Uint8Array
  readonly seal: MacKey
}

/** Keys that come from the VALUE key. When it is destroyed the digests say nothing more either. */
export interface ValueKeys {
  readonly value: Uint8Array
  /** For the VALUE of blocks. */
  readonly valueStream: Uint8Array
  readonly digest: MacKey
  /** Kept in the header: tells the right VALUE key from another one. */
  readonly check: Uint8Array
}

export const metaKeys = (dek: Uint8Array): MetaKeys => ({
  meta: derive(dek, 'meta'),
  metaStream: derive(dek, 'meta-stream'),
  seal: macKey(derive(dek, 'seal')),
})

export const valueKeys = (dek: Uint8Array): ValueKeys => ({
  value: derive(dek, 'value'),
  valueStream: derive(dek, 'value-stream'),
  digest: macKey(derive(dek, 'digest')),
  check: derive(dek, 'value-check').subarray(0, 16),
})

/** The key that authenticates what stands in a tail before it is in a frame. */
export const tailKey = (dek: Uint8Array): MacKey => macKey(derive(dek, 'tail'))

const derive = (dek: Uint8Array, use: string): Uint8Array =>
  Buffer.from(hkdfSync('sha256', dek, new Uint8Array(0), `dbrec/v1/${use}`, KEY_BYTES))

/** AES-256-GCM; the tag follows the ciphertext. */
export function encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: readonly Uint8Array[]): Buffer {
  const cipher = gcm(key, nonce, aad)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** A cipher that has its additional data already, in parts that follow each other. */
export function gcm(key: Uint8Array, nonce: Uint8Array, aad: readonly Uint8Array[]): CipherGCM {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  for (const part of aad) cipher.setAAD(part)
  return cipher
}

/** The plaintext, or null when key, nonce, additional data or ciphertext don't belong together. */
export function decrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  aad: readonly Uint8Array[],
): Uint8Array | null {
  if (sealed.length < TAG_BYTES || nonce.length !== NONCE_BYTES) return null
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.concat(aad))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
  try {
    decipher.final()
  } catch {
    return null // the tag doesn't match: the one thing that final() throws for
  }
  return plain
}

/**
 * AES-256-CTR, as one stream a block of entries: a native object for each entry would cost more than all the rest of it.
 * The counter begins with the number of the block's first entry, and a writer never gives a number twice.
 */
export function blockCipher(key: Uint8Array, firstEntry: number): Cipher {
  const counter = Buffer.alloc(COUNTER_BYTES)
  counter.writeBigUInt64BE(BigInt(firstEntry))
  return createCipheriv('aes-256-ctr', key, counter)
}

const COUNTER_BYTES = 16

export const isSameMac = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)
