import { createHash, type Hash } from 'node:crypto'
import type { Instant, Question } from '@querywarden/policy-core'
import { ApprovalError } from './approval-error.ts'

/** What a digest binds beside the question itself. */
export interface Binding {
  readonly id: string
  readonly expiresAt: Instant
}

const DOMAIN = 'querywarden approval request v1\0'
const DEPTH_MAX = 32

/**
 * SHA-256, in hex, of everything that an approval binds: each field of the question (exact text, parameter values,
 * types and formats, target, principal and actor, session, policy version, catalog fingerprint, search path, decision
 * with its terms, masks and limits), the request's id and its expiry.
 *
 * The encoding is one-to-one: every value carries its type and length, every object its field names in order. A field
 * that a later version adds to the question is bound without a change here.
 *
 * Throws {@link ApprovalError} `NOT_ENCODABLE` for what has no single encoding: a lone surrogate, NaN, `undefined`.
 *
 * @example
 * const digest = requestDigest(question, { id: request.id, expiresAt: request.expiresAt })
 */
export function requestDigest(question: Question, binding: Binding): string {
  const hash = createHash('sha256').update(DOMAIN)
  feed(hash, { id: binding.id, expiresAt: binding.expiresAt, question }, 0)
  return hash.digest('hex')
}

function feed(hash: Hash, value: unknown, depth: number): void {
  if (depth > DEPTH_MAX) throw notEncodable(`values nested deeper than ${DEPTH_MAX}`)
  if (value === null) hash.update('n')
  else if (value === true) hash.update('t')
  else if (value === false) hash.update('f')
  else if (typeof value === 'number') feedNumber(hash, value)
  else if (typeof value === 'string') feedText(hash, value)
  else if (value instanceof Uint8Array) feedBytes(hash, 'b', value)
  else if (Array.isArray(value)) feedList(hash, value, depth)
  else if (typeof value === 'object') feedObject(hash, value, depth)
  else throw notEncodable(`a value of type ${typeof value}`)
}

function feedNumber(hash: Hash, value: number): void {
  if (Number.isNaN(value)) throw notEncodable('a number that is not a number')
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  hash.update('d').update(bytes)
}

// Encoding a lone surrogate as UTF-8 would turn it into U+FFFD, and two texts would share one digest.
function feedText(hash: Hash, value: string): void {
  if (/\p{Surrogate}/u.test(value)) throw notEncodable('text with a lone surrogate')
  feedBytes(hash, 's', Buffer.from(value, 'utf8'))
}

function feedBytes(hash: Hash, type: 's' | 'b', bytes: Uint8Array): void {
  hash.update(`${type}${bytes.length}:`).update(bytes)
}

function feedList(hash: Hash, values: readonly unknown[], depth: number): void {
  hash.update(`a${values.length}:`)
  for (const value of values) feed(hash, value, depth + 1)
}

function feedObject(hash: Hash, value: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  // A Map or a Date has no own fields: it would be bound as an empty object, that is not at all.
  if (prototype !== Object.prototype && prototype !== null) throw notEncodable('an object that is not plain data')
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  hash.update(`o${fields.length}:`)
  for (const [name, field] of fields) {
    feedText(hash, name)
    feed(hash, field, depth + 1)
  }
}

const notEncodable = (what: string): ApprovalError =>
  new ApprovalError('NOT_ENCODABLE', `a question can't hold ${what}, expected plain data`)
