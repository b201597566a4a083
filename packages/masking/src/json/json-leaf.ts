import type { ValueMask } from '@querywarden/policy-core'
import type { TextMask } from '../compiled-mask.ts'
import { type HashKey, keyedHash } from '../keyed-hash.ts'
import { EMAIL_TEXT } from '../masks/email.ts'
import { hashText } from '../masks/hash.ts'
import { partialText } from '../masks/partial.ts'
import { REDACTED } from '../masks/redact.ts'
import { isStorableText } from '../utf8.ts'
import { REPLACEMENT_BYTES_MAX } from './json-limits.ts'

/** What a mask comes to for a value in a JSON document. */
export type JsonLeaf =
  /** The same JSON for every value, JSON's null included. */
  | { readonly kind: 'fixed'; readonly json: string }
  /** A string made of a string or of a number's digits; null for what is neither. */
  | { readonly kind: 'computed'; readonly mask: TextMask }

const NULL: JsonLeaf = { kind: 'fixed', json: 'null' }

/** Prepares a mask for values in documents. Throws `KEY_TOO_SHORT`, and whatever `hashKey` throws. */
export function jsonLeaf(mask: ValueMask, hashKey: HashKey): JsonLeaf {
  switch (mask.kind) {
    case 'redact':
      return fixed(JSON.stringify(REDACTED))
    case 'constant':
      return isStorableText(mask.value) ? fixed(JSON.stringify(mask.value)) : NULL
    case 'partial':
      return { kind: 'computed', mask: partialText(mask) }
    case 'email':
      return { kind: 'computed', mask: EMAIL_TEXT }
    case 'hash':
      return { kind: 'computed', mask: hashText(keyedHash(hashKey(mask.key))) }
    case 'null':
    case 'date-trunc':
      return NULL
  }
}

const fixed = (json: string): JsonLeaf =>
  Buffer.byteLength(json) > REPLACEMENT_BYTES_MAX ? NULL : { kind: 'fixed', json }
