import type { Mask } from '@querywarden/policy-core'
import type { ColumnType } from '../column-type.ts'
import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'
import { JSONB_VERSION } from '../json/fixed-json.ts'
import { jsonPlan } from '../json/json-plan.ts'
import { jsonSql } from '../json/json-sql.ts'
import { maskJsonBytes, maskJsonText } from '../json/json-text-mask.ts'
import { jsonTree } from '../json/json-tree.ts'
import type { HashKey } from '../keyed-hash.ts'

/**
 * Masks for members of json and jsonb; NULL for every other type. What a path doesn't lead to stays; what isn't of the
 * shape that it expects is JSON's null. Documents of more than 2 MiB are NULL, and so is json with escapes of NUL or of
 * half a character, which PostgreSQL can't look into.
 */
export function jsonMembers(
  { members }: Extract<Mask, { kind: 'json' }>,
  type: ColumnType,
  hashKey: HashKey,
): CompiledMask {
  if (type.kind !== 'json') return TO_NULL
  const plan = jsonPlan(jsonTree(members), hashKey)
  const version = type.flavour === 'jsonb' ? JSONB_VERSION : NO_VERSION
  return {
    kind: 'computed',
    sql: reference => jsonSql(plan, type, reference),
    text: text => maskJsonText(plan, text),
    binary: bytes => maskJsonBytes(plan, bytes, version),
  }
}

const NO_VERSION = new Uint8Array()
