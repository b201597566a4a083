import { createHash, createHmac } from 'node:crypto'
import type { SecretRef } from '@querywarden/policy-core'
import { MaskingError } from './errors.ts'
import { call, literal } from './sql-text.ts'

/** Gives the key of hash masks; null asks for the deployment's default key. Called when a mask is compiled. */
export type HashKey = (ref: SecretRef | null) => Uint8Array

/** HMAC-SHA-256 (RFC 2104) under one key, computed here or by the server. */
export interface KeyedHash {
  readonly digest: (bytes: Uint8Array | string) => Buffer
  readonly hex: (text: string) => string
  /** SQL over a bytea expression. The key can be read from this text; see the README for who must not see it. */
  readonly sql: (bytes: string) => string
}

/** 128 bits: a shorter key can be searched for. RFC 2104, section 3, would rather have the hash's own 32 bytes. */
const KEY_BYTES_MIN = 16
/** SHA-256's block. */
const BLOCK_BYTES = 64

/** Prepares a key, or throws `KEY_TOO_SHORT`. */
export function keyedHash(key: Uint8Array): KeyedHash {
  if (key.length < KEY_BYTES_MIN) {
    throw new MaskingError(
      'KEY_TOO_SHORT',
      `hash key of ${key.length} bytes is too short, expected at least ${KEY_BYTES_MIN}`,
    )
  }
  const block = new Uint8Array(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? createHash('sha256').update(key).digest() : key)
  const inner = hexBytes(block, 0x36)
  const outer = hexBytes(block, 0x5c)

  return {
    digest: bytes => createHmac('sha256', key).update(bytes).digest(),
    hex: text => createHmac('sha256', key).update(text).digest('hex'),
    // sha256() is built in since PostgreSQL 11, where pgcrypto's hmac() may not be installed.
    sql: bytes => call('sha256', call('byteacat', outer, call('sha256', call('byteacat', inner, bytes)))),
  }
}

const hexBytes = (block: Uint8Array, pad: number): string =>
  call('decode', literal(Buffer.from(block.map(byte => byte ^ pad)).toString('hex')), literal('hex'))
