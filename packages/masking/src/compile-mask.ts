import type { Mask } from '@querywarden/policy-core'
import type { ColumnType } from './column-type.ts'
import type { CompiledMask } from './compiled-mask.ts'
import { type HashKey, keyedHash } from './keyed-hash.ts'
import { constant } from './masks/constant.ts'
import { dateTrunc } from './masks/date-trunc.ts'
import { eachElement } from './masks/each-element.ts'
import { email } from './masks/email.ts'
import { hash } from './masks/hash.ts'
import { jsonMembers } from './masks/json-members.ts'
import { nullify } from './masks/nullify.ts'
import { partial } from './masks/partial.ts'
import { redact } from './masks/redact.ts'

/** What a mask comes to for a type. Throws `KEY_TOO_SHORT`, and whatever `hashKey` throws. */
export function compileMask(mask: Mask, type: ColumnType, hashKey: HashKey): CompiledMask {
  if (type.kind === 'array') return eachElement(compileMask(mask, type.element, hashKey), type)
  switch (mask.kind) {
    case 'redact':
      return redact(type)
    case 'null':
      return nullify()
    case 'partial':
      return partial(mask, type)
    case 'email':
      return email(type)
    case 'hash':
      return hash(keyedHash(hashKey(mask.key)), type)
    case 'constant':
      return constant(mask, type)
    case 'date-trunc':
      return dateTrunc(mask, type)
    case 'json':
      return jsonMembers(mask, type, hashKey)
  }
}
